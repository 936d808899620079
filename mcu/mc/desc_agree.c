/* SPDX-License-Identifier: GPL-3.0-or-later
 * Offer and answer put together: what each line really does from now on.
 * Answers are read leniently: codecs that were never offered, several codecs
 * at once and a changed profile word are seen from real devices. */
#include "mcu/mc/desc_internal.h"

#include <errno.h>
#include <string.h>

static bool is_companion(enum codec_id id)
{
	return id == CODEC_CN || id == CODEC_TELEPHONE_EVENT;
}

static bool same_codec(const struct desc_codec *a, const struct desc_codec *b)
{
	return a->format.id == b->format.id && a->format.clock_rate == b->format.clock_rate;
}

/* Which of our codecs a codec of theirs is: the same payload type, or, when
 * not `exact`, the same H.264 packetization, or any of the name. NULL: we never
 * said it. */
static const struct desc_codec *find_ours(const struct desc_line *ours,
					  const struct desc_codec *theirs, bool exact)
{
	const struct desc_codec *mode = NULL, *name = NULL;

	for (uint32_t i = 0; i < ours->n_codecs; i++) {
		const struct desc_codec *c = &ours->codec[i];

		if (!same_codec(c, theirs))
			continue;
		if (c->pt == theirs->pt)
			return c;
		if (c->format.id == CODEC_H264 && !mode &&
		    c->format.h264.packetization_mode == theirs->format.h264.packetization_mode)
			mode = c;
		if (!name)
			name = c;
	}
	return exact ? NULL : mode ? mode : name;
}

/* ---- codecs ------------------------------------------------------------------ */

/* We send the first codec of theirs that we said too, in their payload type. */
static bool agree_tx(struct desc_agreed *out, const struct desc_line *ours,
		     const struct desc_line *theirs, bool exact)
{
	for (uint32_t i = 0; i < theirs->n_codecs; i++) {
		const struct desc_codec *t = &theirs->codec[i], *o;

		if (is_companion(t->format.id) || !t->can_receive)
			continue;
		o = find_ours(ours, t, exact);
		if (!o || !o->can_send)
			continue;
		out->tx = *t;
		out->tx.fir = t->fir && o->fir;
		out->tx.pli = t->pli && o->pli;
		out->tx.nack = t->nack && o->nack;
		out->tx.tmmbr = t->tmmbr && o->tmmbr;
		out->tx.remb = t->remb && o->remb;
		if (t->format.id == CODEC_H264 &&
		    o->format.h264.packetization_mode < t->format.h264.packetization_mode)
			out->tx.format.h264.packetization_mode =
				o->format.h264.packetization_mode;
		if (t->format.id == CODEC_G729)
			out->tx.format.g729.annexb_no |= o->format.g729.annexb_no;
		return true;
	}
	return false;
}

static bool has_pt(const struct desc_agreed *out, int pt)
{
	for (uint32_t i = 0; i < out->n_rx; i++) {
		if (out->rx[i].pt == pt)
			return true;
	}
	return false;
}

static void add_rx(struct desc_agreed *out, const struct desc_codec *c, int pt)
{
	if (out->n_rx >= DESC_MAX_CODECS || has_pt(out, pt))
		return;
	out->rx[out->n_rx] = *c;
	out->rx[out->n_rx++].pt = pt;
}

/* Everything in our description may arrive, in our numbers (RFC 3264 section
 * 5.1). Some answer with numbers of their own and then send in those. What the
 * other side named stands first: there may be room for few. */
static void agree_rx(struct desc_agreed *out, const struct desc_line *ours,
		     const struct desc_line *theirs)
{
	for (uint32_t i = 0; i < theirs->n_codecs; i++) {
		const struct desc_codec *o = find_ours(ours, &theirs->codec[i], false);

		if (o && o->can_receive)
			add_rx(out, o, o->pt);
	}
	for (uint32_t i = 0; i < ours->n_codecs; i++) {
		if (ours->codec[i].can_receive)
			add_rx(out, &ours->codec[i], ours->codec[i].pt);
	}
	for (uint32_t i = 0; i < theirs->n_codecs; i++) {
		const struct desc_codec *o = find_ours(ours, &theirs->codec[i], false);

		if (o && o->can_receive)
			add_rx(out, o, theirs->codec[i].pt);
	}
}

static int companion_pt(const struct desc_line *ours, const struct desc_line *theirs,
			enum codec_id id, const struct codec_format *with)
{
	int t = desc_companion(theirs, id, with);

	return t >= 0 && desc_companion(ours, id, with) >= 0 ? theirs->codec[t].pt : -1;
}

/* What we send in a packet: as they wish, within 10 to 60 ms and what the codec
 * has (RFC 6716 section 2.1.4: Opus has 10, 20, 40 and 60). */
static unsigned agree_ptime(const struct desc_line *theirs, enum codec_id id)
{
	unsigned ptime = theirs->ptime ? theirs->ptime : 20;

	if (theirs->maxptime && ptime > theirs->maxptime)
		ptime = theirs->maxptime;
	ptime = ptime < 10 ? 10 : ptime > 60 ? 60 : ptime / 10 * 10;
	if (id == CODEC_OPUS && (ptime == 30 || ptime == 50))
		ptime -= 10;
	return ptime;
}

/* ---- security ---------------------------------------------------------------- */

/* The line of the offer that `answer` accepts; some repeat a tag, so the suite
 * must fit too. */
static const struct sdes_line *accepted_crypto(const struct desc_line *offer,
					       const struct sdes_line *answer)
{
	for (uint32_t i = 0; i < offer->n_crypto; i++) {
		const struct sdes_line *o = &offer->crypto[i];

		if (o->tag == answer->tag && o->key.suite == answer->key.suite && sdes_usable(o))
			return o;
	}
	return NULL;
}

/* The answer's first line that we can do names, by its tag, the line of the
 * offer it accepts (RFC 4568 section 5.1.2). */
static bool agree_sdes(struct desc_agreed *out, const struct desc_line *ours,
		       const struct desc_line *theirs, bool we_offered)
{
	const struct desc_line *answer = we_offered ? theirs : ours;
	const struct desc_line *offer = we_offered ? ours : theirs;

	for (uint32_t i = 0; i < answer->n_crypto; i++) {
		const struct sdes_line *a = &answer->crypto[i];
		const struct sdes_line *o = accepted_crypto(offer, a);

		if (!o || !sdes_usable(a))
			continue;
		out->security = AGREED_SDES;
		out->tx_key = we_offered ? o->key : a->key;
		out->rx_key = we_offered ? a->key : o->key;
		return true;
	}
	return false;
}

/* An answer without a=setup is passive (RFC 4145 section 4). */
static bool is_active(enum desc_setup ours, enum desc_setup theirs)
{
	if (ours == SETUP_ACTPASS)
		return theirs == SETUP_PASSIVE || theirs == SETUP_ACTPASS || theirs == SETUP_NONE;
	return ours == SETUP_ACTIVE;
}

static bool agree_dtls(struct desc_agreed *out, const struct desc_line *ours,
		       const struct desc_line *theirs)
{
	if (ours->setup == SETUP_NONE || theirs->fingerprint.len == 0)
		return false;
	out->security = AGREED_DTLS;
	out->fingerprint = theirs->fingerprint;
	out->dtls_active = is_active(ours->setup, theirs->setup);
	return true;
}

/* Of two keyings in our offer the answer takes one; should it name both, SDES
 * it is, which needs no more round trip. False: it was to be encrypted and
 * cannot be; never plain instead. */
static bool agree_security(struct desc_agreed *out, const struct desc_line *ours,
			   const struct desc_line *theirs, bool we_offered)
{
	const struct desc_line *answer = we_offered ? theirs : ours;

	if (agree_sdes(out, ours, theirs, we_offered) || agree_dtls(out, ours, theirs))
		return true;
	out->security = AGREED_PLAIN;
	/* Plain needs both words to say so, and the answer no key: one with a
	 * key that does not fit would be sent to us encrypted. */
	return desc_proto_plain(ours->proto) && desc_proto_plain(theirs->proto) &&
	       answer->n_crypto == 0;
}

/* ---- a line --------------------------------------------------------------- */

/* One that they send and we read. */
static uint8_t agree_extension(const struct desc_extension *ours, const struct desc_extension *theirs)
{
	return ours->receive && theirs->send && ours->id == theirs->id ? ours->id : 0;
}

static void agree_line(struct desc_agreed *out, const struct desc_line *ours,
		       const struct desc_line *theirs, bool we_offered)
{
	memset(out, 0, sizeof(*out));
	out->kind = ours->kind;
	out->role = ours->role;
	out->dtmf_tx_pt = out->cn_tx_pt = -1;
	out->bundled_with = -1;
	if (ours->port == 0 || theirs->port == 0 || ours->kind == MEDIA_OTHER)
		return;
	if (!agree_tx(out, ours, theirs, true) && !agree_tx(out, ours, theirs, false))
		return;
	if (!agree_security(out, ours, theirs, we_offered))
		return;
	out->active = true;
	out->send = ours->send && theirs->receive;
	out->receive = ours->receive && theirs->send;
	agree_rx(out, ours, theirs);
	out->rtcp_mux = ours->rtcp_mux && theirs->rtcp_mux;
	out->ice = ours->ice && theirs->ice;
	out->avpf = desc_proto_feedback(ours->proto) || out->tx.fir || out->tx.pli ||
		    out->tx.nack || out->tx.tmmbr || out->tx.remb;
	out->bitrate = theirs->bandwidth;
	out->orientation_ext = agree_extension(&ours->orientation, &theirs->orientation);
	out->level_ext = agree_extension(&ours->audio_level, &theirs->audio_level);
	if (out->kind != MEDIA_AUDIO)
		return;
	out->ptime = agree_ptime(theirs, out->tx.format.id);
	out->dtmf_tx_pt = companion_pt(ours, theirs, CODEC_TELEPHONE_EVENT, &out->tx.format);
	out->cn_tx_pt = companion_pt(ours, theirs, CODEC_CN, &out->tx.format);
}

static int bundle_head(const struct media_desc *ours, const struct media_desc *theirs,
		       const struct desc_agreed *agreed, uint32_t index)
{
	if (!ours->line[index].bundled || !theirs->line[index].bundled)
		return -1;
	for (uint32_t i = 0; i < index; i++) {
		if (agreed[i].active && ours->line[i].bundled && theirs->line[i].bundled)
			return (int)i;
	}
	return -1;
}

int desc_agree(const struct media_desc *ours, const struct media_desc *theirs,
	       bool we_offered, struct desc_agreed agreed[DESC_MAX_LINES])
{
	/* Plain phones answer an offer of audio and video with their one line. */
	uint32_t n = we_offered && theirs->n_lines < ours->n_lines ? theirs->n_lines
								   : ours->n_lines;

	if (n != theirs->n_lines || theirs->too_many_lines)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		if (ours->line[i].kind != theirs->line[i].kind)
			return -EBADMSG;
	}
	memset(agreed, 0, sizeof(agreed[0]) * DESC_MAX_LINES);
	for (uint32_t i = 0; i < n; i++) {
		agree_line(&agreed[i], &ours->line[i], &theirs->line[i], we_offered);
		/* Two lite ends: nobody would send a check, so media goes to the
		 * default destination (RFC 8445 section 6.1.1). */
		if (theirs->ice_lite)
			agreed[i].ice = false;
		if (agreed[i].active)
			agreed[i].bundled_with = bundle_head(ours, theirs, agreed, i);
	}
	return 0;
}
