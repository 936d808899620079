/* SPDX-License-Identifier: GPL-3.0-or-later
 * An INVITE that takes the place of another call (RFC 3891): which one it means.
 * Only who knows the three identifiers of a dialog can name it; ours among them
 * is random. */
#include "sip/ua_priv.h"

#include <stdlib.h>
#include <string.h>

void dialog_tags(struct dialog *d, const char *local, const char *remote)
{
	char *l, *r;

	if (!local || !remote)
		return;
	if (d->local_tag && !strcmp(d->local_tag, local) && !strcmp(d->remote_tag, remote))
		return;
	l = strdup(local);
	r = strdup(remote);
	if (l && r) {
		free(d->local_tag);
		free(d->remote_tag);
		d->local_tag = l;
		d->remote_tag = r;
	} else {
		free(l);
		free(r);
	}
}

struct dialog *dialog_by_replaces(struct sip *self, const struct replaces *r)
{
	list_each(l, &self->dialogs) {
		struct dialog *d = list_entry(l, struct dialog, link);

		if (d->local_tag && !strcmp(d->call_id, r->call_id) &&
		    !strcmp(d->local_tag, r->to_tag) && !strcmp(d->remote_tag, r->from_tag))
			return d;
	}
	return NULL;
}

/* RFC 3891 section 3, in its order. A dialog that waits for our answer is not
 * one that the other side may name (481); its tags are not known here yet. */
int replaces_call(struct sip *self, const struct replaces *r, struct call **out)
{
	struct dialog *d = dialog_by_replaces(self, r);

	if (!d)
		return 481;
	if (!d->call || d->closing)
		return 603;
	if (d->answered && r->early_only)
		return 486;
	if (!d->answered && !d->call->outgoing)
		return 481;
	*out = d->call;
	return 0;
}

int replaces_of(struct sip *self, const sip_t *sip, struct call **out)
{
	const sip_replaces_t *h = sip->sip_replaces;
	struct replaces r = { .early_only = h && h->rp_early_only };

	*out = NULL;
	if (!h)
		return 0;
	if (h->rp_next || !h->rp_call_id || !h->rp_to_tag || !h->rp_from_tag ||
	    snprintf(r.call_id, sizeof(r.call_id), "%s", h->rp_call_id) >= REPLACES_TEXT ||
	    snprintf(r.to_tag, sizeof(r.to_tag), "%s", h->rp_to_tag) >= REPLACES_TEXT ||
	    snprintf(r.from_tag, sizeof(r.from_tag), "%s", h->rp_from_tag) >= REPLACES_TEXT)
		return 400;
	return replaces_call(self, &r, out);
}
