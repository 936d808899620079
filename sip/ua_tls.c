/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_tls.h. OpenSSL tells of each new SSL object through the callbacks of
 * an ex_data index. Sofia is done with one when it has closed its socket: the
 * descriptor is free, or is by now another file. DTLS (the media's) and other
 * threads' connections are not ours to look after. ⟨openssl⟩ */
#include "sip/ua_tls.h"

#include "sip/ua_verify.h"

#include "base/list.h"
#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

struct watched {
	struct list link;
	SSL *ssl;
	bool seen;  /* its socket is known */
	dev_t dev;
	ino_t ino;
};

static struct {
	unsigned users, count;
	int index; /* -1: none */
	pthread_t thread;
	void (*soon)(void *arg);
	void *arg;
	struct list list;
} watch = { .index = -1 };

static void on_new(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct watched *w;

	(void)ptr;
	(void)argl;
	(void)argp;
	if (!watch.users || !pthread_equal(watch.thread, pthread_self()) || SSL_is_dtls(parent))
		return;
	verify_watch(parent);
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->ssl = parent;
	if (!CRYPTO_set_ex_data(ad, idx, w)) {
		free(w);
		return;
	}
	list_add(&watch.list, &w->link);
	watch.count++;
	watch.soon(watch.arg);
}

/* Freed by whoever: nothing is left to do. */
static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct watched *w = ptr;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (!w)
		return;
	list_del(&w->link);
	watch.count--;
	free(w);
}

void tls_watch_start(void (*soon)(void *arg), void *arg)
{
	watch.soon = soon;
	watch.arg = arg;
	if (watch.users++)
		return;
	watch.thread = pthread_self();
	list_init(&watch.list);
	/* Once for the process: OpenSSL never forgets an index. */
	if (watch.index < 0)
		watch.index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, on_new,
						      NULL, on_free);
	if (watch.index < 0)
		log_warning("tls: connections cannot be watched, each will leave memory behind");
}

/* Sofia's tls_free drops a reference to the BIO and one to the SSL_CTX that it
 * does not own but the SSL object counts on; they are given back before it goes. */
static void release(struct watched *w)
{
	BIO *bio = SSL_get_rbio(w->ssl);
	SSL_CTX *ctx = SSL_get_SSL_CTX(w->ssl);

	if (bio)
		BIO_up_ref(bio);
	if (ctx)
		SSL_CTX_up_ref(ctx);
	SSL_free(w->ssl);
}

static bool is_closed(struct watched *w)
{
	BIO *bio = SSL_get_rbio(w->ssl);
	int fd = bio ? (int)BIO_get_fd(bio, NULL) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return true;
	if (!w->seen) {
		w->seen = true;
		w->dev = st.st_dev;
		w->ino = st.st_ino;
	}
	return w->dev != st.st_dev || w->ino != st.st_ino;
}

/* The new ones are at the end of the list. */
void tls_watch_look(void)
{
	for (struct list *l = watch.list.prev; l != &watch.list; l = l->prev) {
		struct watched *w = list_entry(l, struct watched, link);

		if (w->seen)
			break;
		is_closed(w);
	}
}

void tls_watch_sweep(void)
{
	list_each_safe(l, &watch.list) {
		struct watched *w = list_entry(l, struct watched, link);

		if (is_closed(w))
			release(w);
	}
}

void tls_watch_stop(void)
{
	if (--watch.users)
		return;
	list_each_safe(l, &watch.list)
		release(list_entry(l, struct watched, link));
}

unsigned tls_watch_count(void)
{
	return watch.count;
}
