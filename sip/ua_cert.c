/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_cert.h. Sofia sends the leaf out of agent.pem and takes intermediate
 * certificates out of cafile.pem only. ⟨openssl⟩ */
#include "sip/ua_cert.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { MAX_CHAIN = 8, SELF_SIGNED_DAYS = 3650 };

struct identity {
	EVP_PKEY *key;
	X509 *leaf;
	X509 *chain[MAX_CHAIN];
	int n_chain;
};

static void identity_fini(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->leaf);
	for (int i = 0; i < id->n_chain; i++)
		X509_free(id->chain[i]);
}

/* ---- of the administrator ------------------------------------------------------ */

static int identity_read(struct identity *id, const char *certificate, const char *key)
{
	FILE *f = fopen(certificate, "re");
	X509 *more;

	if (!f) {
		log_error("tls: cannot read certificate file=%s error=%s", certificate,
			  strerror(errno));
		return -errno;
	}
	id->leaf = PEM_read_X509(f, NULL, NULL, NULL);
	while (id->leaf && id->n_chain < MAX_CHAIN &&
	       (more = PEM_read_X509(f, NULL, NULL, NULL)) != NULL)
		id->chain[id->n_chain++] = more;
	fclose(f);
	f = fopen(key ? key : certificate, "re");
	if (!f) {
		log_error("tls: cannot read key file=%s error=%s", key ? key : certificate,
			  strerror(errno));
		return -errno;
	}
	/* An empty password: a locked key is an error, not a question on a terminal. */
	id->key = PEM_read_PrivateKey(f, NULL, NULL, (void *)(uintptr_t)"");
	fclose(f);
	if (!id->leaf || !id->key || X509_check_private_key(id->leaf, id->key) != 1) {
		log_error("tls: not a certificate with its key certificate=%s key=%s",
			  certificate, key ? key : certificate);
		return -EINVAL;
	}
	return 0;
}

/* ---- of our own ------------------------------------------------------------------ */

static int extension_add(X509 *leaf, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, leaf, leaf, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext)
		return -ENOMEM;
	ok = X509_add_ext(leaf, ext, -1);
	X509_EXTENSION_free(ext);
	return ok ? 0 : -ENOMEM;
}

static int identity_make(struct identity *id)
{
	char host[256] = "balai", san[300];
	X509_NAME *name;

	if (gethostname(host, sizeof(host) - 1))
		snprintf(host, sizeof(host), "balai");
	/* RSA: room systems of ten years ago know nothing else. */
	id->key = EVP_RSA_gen(2048);
	id->leaf = X509_new();
	if (!id->key || !id->leaf)
		return -ENOMEM;
	snprintf(san, sizeof(san), "DNS:%.200s", host);
	X509_set_version(id->leaf, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id->leaf), 1);
	/* A day back: clocks of endpoints are not always right. */
	X509_gmtime_adj(X509_getm_notBefore(id->leaf), -86400);
	X509_gmtime_adj(X509_getm_notAfter(id->leaf), 86400L * SELF_SIGNED_DAYS);
	name = X509_get_subject_name(id->leaf);
	if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"Balai",
					-1, -1, 0) ||
	    !X509_set_issuer_name(id->leaf, name) || !X509_set_pubkey(id->leaf, id->key) ||
	    extension_add(id->leaf, NID_subject_alt_name, san) ||
	    extension_add(id->leaf, NID_basic_constraints, "critical,CA:FALSE") ||
	    extension_add(id->leaf, NID_ext_key_usage, "serverAuth,clientAuth") ||
	    !X509_sign(id->leaf, id->key, EVP_sha256()))
		return -EIO;
	return 0;
}

/* ---- the directory ---------------------------------------------------------------- */

static FILE *file_in(const char *dir, const char *name)
{
	char path[512];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, "w");
	if (!f)
		close(fd);
	return f;
}

static int identity_write(const struct identity *id, const char *dir)
{
	FILE *f = file_in(dir, "agent.pem");
	bool ok;

	if (!f)
		return -errno;
	ok = PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL) &&
	     PEM_write_X509(f, id->leaf);
	if (fclose(f) || !ok)
		return -EIO;
	f = file_in(dir, "cafile.pem");
	if (!f)
		return -errno;
	/* Never empty: Sofia takes an empty file for a broken one. */
	ok = id->n_chain || PEM_write_X509(f, id->leaf);
	for (int i = 0; ok && i < id->n_chain; i++)
		ok = PEM_write_X509(f, id->chain[i]);
	return fclose(f) || !ok ? -EIO : 0;
}

int cert_dir_new(char **out, const char *certificate, const char *key)
{
	static const char *const places[] = { "RUNTIME_DIRECTORY", "TMPDIR" };
	struct identity id = { 0 };
	const char *base = NULL;
	char path[400];
	char *dir = NULL;
	int err;

	err = certificate ? identity_read(&id, certificate, key) : identity_make(&id);
	if (err)
		goto out;
	for (size_t i = 0; !base && i < sizeof(places) / sizeof(places[0]); i++)
		base = getenv(places[i]);
	if (!base || strlen(base) > 300)
		base = "/tmp";
	snprintf(path, sizeof(path), "%s/balai-tls-XXXXXX", base);
	if (!mkdtemp(path)) {
		err = -errno;
		log_error("tls: cannot make a directory in=%s error=%s", base, strerror(-err));
		goto out;
	}
	dir = strdup(path);
	if (!dir) {
		rmdir(path);
		err = -ENOMEM;
		goto out;
	}
	err = identity_write(&id, dir);
	if (err)
		dir = cert_dir_remove(dir);
	else
		*out = dir;
out:
	identity_fini(&id);
	return err;
}

char *cert_dir_remove(char *dir)
{
	static const char *const names[] = { "agent.pem", "cafile.pem" };
	char path[512];

	if (!dir)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	free(dir);
	return NULL;
}
