/* SPDX-License-Identifier: GPL-3.0-or-later
 * OpenSSL's AES and SHA-1 behind libsrtp2 ⟨libsrtp2, OpenSSL⟩.
 *
 * Debian builds the library on NSS with a SHA-1 in plain C; both cost several
 * times what the processor's own instructions take, and NSS allocates and locks
 * per packet. The library offers srtp_replace_cipher_type and
 * srtp_replace_auth_type for this, and tests what is put in against its own
 * vectors first.
 *
 * Measured (one busy core, us a packet): AES_CM_128_HMAC_SHA1_80 alone, 160
 * bytes 2.7 before and 0.5 after, 1200 bytes 4.2 and 1.3; on the wire with 200
 * contexts, in and out with system calls, AES-CM 24 and 16, GCM 22 and 16,
 * without SRTP 10. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_*: EVP cannot copy a state without allocating */

#include "rtp/srtp_openssl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>

/* ---- AES in counter mode (RFC 3711 4.1.1, RFC 6188) ---------------------- */

enum { SALT_LEN = 14, BLOCK = 16, SHA1_LEN = 20, SHA1_BLOCK = 64 };

struct icm {
	EVP_CIPHER_CTX *evp;
	const EVP_CIPHER *cipher;
	size_t key_len;              /* without salt */
	uint8_t offset[BLOCK];       /* the salt, shifted up 16 bits */
};

static const srtp_cipher_type_t icm_128, icm_192, icm_256;

static srtp_err_status_t icm_dealloc(srtp_cipher_pointer_t c)
{
	if (!c)
		return srtp_err_status_bad_param;
	if (c->state) {
		struct icm *self = (struct icm *)c->state;

		EVP_CIPHER_CTX_free(self->evp);
		OPENSSL_cleanse(self, sizeof(*self));
		free(self);
	}
	free(c);
	return srtp_err_status_ok;
}

static srtp_err_status_t icm_alloc(srtp_cipher_pointer_t *out, int key_len, int tag_len)
{
	static const struct {
		int key_len, id;
		const srtp_cipher_type_t *type;
		const EVP_CIPHER *(*cipher)(void);
	} table[] = {
		{ 16 + SALT_LEN, SRTP_AES_ICM_128, &icm_128, EVP_aes_128_ctr },
		{ 24 + SALT_LEN, SRTP_AES_ICM_192, &icm_192, EVP_aes_192_ctr },
		{ 32 + SALT_LEN, SRTP_AES_ICM_256, &icm_256, EVP_aes_256_ctr },
	};
	struct icm *self;
	srtp_cipher_t *c;
	size_t i;

	(void)tag_len;
	for (i = 0; i < 3 && table[i].key_len != key_len; i++)
		;
	if (i == 3)
		return srtp_err_status_bad_param;
	c = calloc(1, sizeof(*c));
	self = calloc(1, sizeof(*self));
	if (c)
		c->state = self;
	else
		free(self);
	if (!c || !self || !(self->evp = EVP_CIPHER_CTX_new())) {
		icm_dealloc(c);
		return srtp_err_status_alloc_fail;
	}
	self->cipher = table[i].cipher();
	self->key_len = (size_t)key_len - SALT_LEN;
	c->type = table[i].type;
	c->key_len = key_len;
	c->algorithm = table[i].id;
	*out = c;
	return srtp_err_status_ok;
}

static srtp_err_status_t icm_init(void *state, const uint8_t *key)
{
	struct icm *self = (struct icm *)state;

	memset(self->offset, 0, BLOCK);
	memcpy(self->offset, key + self->key_len, SALT_LEN);
	return EVP_EncryptInit_ex(self->evp, self->cipher, NULL, key, NULL) ?
		srtp_err_status_ok : srtp_err_status_init_fail;
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	struct icm *self = (struct icm *)state;
	uint8_t counter[BLOCK];

	(void)direction;
	for (int i = 0; i < BLOCK; i++)
		counter[i] = self->offset[i] ^ iv[i];
	return EVP_EncryptInit_ex(self->evp, NULL, NULL, NULL, counter) ?
		srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t icm_encrypt(void *state, uint8_t *buf, unsigned *len)
{
	struct icm *self = (struct icm *)state;
	int n = (int)*len;

	if (*len > INT32_MAX || !EVP_EncryptUpdate(self->evp, buf, &n, buf, n))
		return srtp_err_status_cipher_fail;
	*len = (unsigned)n;
	return srtp_err_status_ok;
}

/* RFC 3711 B.2, RFC 6188 7.1 and 7.2: the key stream, as the encryption of zeros. */
static uint8_t zero_iv[BLOCK];
static const uint8_t zeros[32];
static const uint8_t key_128[16 + SALT_LEN] = {
	0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
};
static const uint8_t stream_128[32] = {
	0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1, 0x6d, 0xd9, 0x2b, 0x4e, 0xb4,
	0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02, 0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab,
};
static const uint8_t key_192[24 + SALT_LEN] = {
	0xea, 0xb2, 0x34, 0x76, 0x4e, 0x51, 0x7b, 0x2d, 0x3d, 0x16, 0x0d, 0x58, 0x7d, 0x8c, 0x86, 0x21,
	0x97, 0x40, 0xf6, 0x5f, 0x99, 0xb6, 0xbc, 0xf7,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
};
static const uint8_t stream_192[32] = {
	0x35, 0x09, 0x6c, 0xba, 0x46, 0x10, 0x02, 0x8d, 0xc1, 0xb5, 0x75, 0x03, 0x80, 0x4c, 0xe3, 0x7c,
	0x5d, 0xe9, 0x86, 0x29, 0x1d, 0xcc, 0xe1, 0x61, 0xd5, 0x16, 0x5e, 0xc4, 0x56, 0x8f, 0x5c, 0x9a,
};
static const uint8_t key_256[32 + SALT_LEN] = {
	0x57, 0xf8, 0x2f, 0xe3, 0x61, 0x3f, 0xd1, 0x70, 0xa8, 0x5e, 0xc9, 0x3c, 0x40, 0xb1, 0xf0, 0x92,
	0x2e, 0xc4, 0xcb, 0x0d, 0xc0, 0x25, 0xb5, 0x82, 0x72, 0x14, 0x7c, 0xc4, 0x38, 0x94, 0x4a, 0x98,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
};
static const uint8_t stream_256[32] = {
	0x92, 0xbd, 0xd2, 0x8a, 0x93, 0xc3, 0xf5, 0x25, 0x11, 0xc6, 0x77, 0xd0, 0x8b, 0x55, 0x15, 0xa4,
	0x9d, 0xa7, 0x1b, 0x23, 0x78, 0xa8, 0x54, 0xf6, 0x70, 0x50, 0x75, 0x6d, 0xed, 0x16, 0x5b, 0xac,
};

#define VECTOR(bits) { \
	.key_length_octets = sizeof(key_##bits), .key = key_##bits, .idx = zero_iv, \
	.plaintext_length_octets = 32, .plaintext = zeros, \
	.ciphertext_length_octets = 32, .ciphertext = stream_##bits }
static const srtp_cipher_test_case_t vector_128 = VECTOR(128);
static const srtp_cipher_test_case_t vector_192 = VECTOR(192);
static const srtp_cipher_test_case_t vector_256 = VECTOR(256);

#define ICM_TYPE(bits) { \
	.alloc = icm_alloc, .dealloc = icm_dealloc, .init = icm_init, \
	.encrypt = icm_encrypt, .decrypt = icm_encrypt, .set_iv = icm_set_iv, \
	.description = "AES-" #bits " counter mode, OpenSSL", \
	.test_data = &vector_##bits, .id = SRTP_AES_ICM_##bits }
static const srtp_cipher_type_t icm_128 = ICM_TYPE(128);
static const srtp_cipher_type_t icm_192 = ICM_TYPE(192);
static const srtp_cipher_type_t icm_256 = ICM_TYPE(256);

/* ---- AES-GCM (RFC 7714) -------------------------------------------------- */

enum { GCM_SALT = 12, GCM_TAG = 16 };

struct gcm {
	EVP_CIPHER_CTX *evp;
	const EVP_CIPHER *cipher;
	int tag_len;                 /* 16; the library's vectors have 8 too */
	bool decrypt;
};

static const srtp_cipher_type_t gcm_128, gcm_256;

static srtp_err_status_t gcm_dealloc(srtp_cipher_pointer_t c)
{
	if (!c)
		return srtp_err_status_bad_param;
	if (c->state) {
		EVP_CIPHER_CTX_free(((struct gcm *)c->state)->evp);
		free(c->state);
	}
	free(c);
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_alloc(srtp_cipher_pointer_t *out, int key_len, int tag_len)
{
	bool large = key_len == 32 + GCM_SALT;
	struct gcm *self;
	srtp_cipher_t *c;

	if ((!large && key_len != 16 + GCM_SALT) || (tag_len != GCM_TAG && tag_len != 8))
		return srtp_err_status_bad_param;
	c = calloc(1, sizeof(*c));
	self = calloc(1, sizeof(*self));
	if (c)
		c->state = self;
	else
		free(self);
	if (!c || !self || !(self->evp = EVP_CIPHER_CTX_new())) {
		gcm_dealloc(c);
		return srtp_err_status_alloc_fail;
	}
	self->cipher = large ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
	self->tag_len = tag_len;
	c->type = large ? &gcm_256 : &gcm_128;
	c->key_len = key_len;
	c->algorithm = large ? SRTP_AES_GCM_256 : SRTP_AES_GCM_128;
	*out = c;
	return srtp_err_status_ok;
}

/* The salt behind the key is mixed into the IV by the library. */
static srtp_err_status_t gcm_init(void *state, const uint8_t *key)
{
	struct gcm *self = (struct gcm *)state;

	return EVP_CipherInit_ex(self->evp, self->cipher, NULL, key, NULL, 1) ?
		srtp_err_status_ok : srtp_err_status_init_fail;
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	struct gcm *self = (struct gcm *)state;

	self->decrypt = direction == srtp_direction_decrypt;
	return EVP_CipherInit_ex(self->evp, NULL, NULL, NULL, iv, !self->decrypt) ?
		srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t len)
{
	struct gcm *self = (struct gcm *)state;
	int n;

	return len <= INT32_MAX && EVP_CipherUpdate(self->evp, NULL, &n, aad, (int)len) ?
		srtp_err_status_ok : srtp_err_status_algo_fail;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned *len)
{
	struct gcm *self = (struct gcm *)state;
	int n = 0;

	if (self->decrypt || *len > INT32_MAX ||
	    (*len && !EVP_CipherUpdate(self->evp, buf, &n, buf, (int)*len)))
		return srtp_err_status_cipher_fail;
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len)
{
	struct gcm *self = (struct gcm *)state;
	uint8_t rest[GCM_TAG];
	int n;

	if (!EVP_CipherFinal_ex(self->evp, rest, &n) ||
	    !EVP_CIPHER_CTX_ctrl(self->evp, EVP_CTRL_GCM_GET_TAG, self->tag_len, tag))
		return srtp_err_status_algo_fail;
	*len = (uint32_t)self->tag_len;
	return srtp_err_status_ok;
}

/* *len is with the tag behind the text, afterwards without. */
static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned *len)
{
	struct gcm *self = (struct gcm *)state;
	uint8_t rest[GCM_TAG];
	int n = 0, m;

	if (!self->decrypt || *len > INT32_MAX || *len < (unsigned)self->tag_len)
		return srtp_err_status_bad_param;
	n = (int)*len - self->tag_len;
	if (!EVP_CIPHER_CTX_ctrl(self->evp, EVP_CTRL_GCM_SET_TAG, self->tag_len, buf + n) ||
	    (n && !EVP_CipherUpdate(self->evp, buf, &m, buf, n)) ||
	    EVP_CipherFinal_ex(self->evp, rest, &m) <= 0)
		return srtp_err_status_auth_fail;
	*len = (unsigned)n;
	return srtp_err_status_ok;
}

/* RFC 7714 16.1.1 and 16.2.1. */
static uint8_t gcm_iv[12] = {
	0x51, 0x75, 0x3c, 0x65, 0x80, 0xc2, 0x72, 0x6f, 0x20, 0x71, 0x84, 0x14,
};
static const uint8_t gcm_aad[12] = {
	0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2,
};
static const char gcm_text[] = "Gallia est omnis divisa in partes tres";
static const uint8_t gcm_key[32 + GCM_SALT] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
	0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b,
};
static const uint8_t gcm_out_128[sizeof(gcm_text) - 1 + GCM_TAG] = {
	0xf2, 0x4d, 0xe3, 0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba, 0x86, 0x1c, 0x9d, 0x7e, 0x4b, 0xca,
	0xbe, 0x63, 0x3b, 0xd5, 0x0d, 0x29, 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a, 0x51, 0xc7, 0xd1, 0x9b,
	0x36, 0xde, 0x3a, 0xdf, 0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27, 0xbe, 0xb1, 0x6a, 0x91, 0x52, 0xcf,
	0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce,
};
static const uint8_t gcm_out_256[sizeof(gcm_text) - 1 + GCM_TAG] = {
	0x32, 0xb1, 0xde, 0x78, 0xa8, 0x22, 0xfe, 0x12, 0xef, 0x9f, 0x78, 0xfa, 0x33, 0x2e, 0x33, 0xaa,
	0xb1, 0x80, 0x12, 0x38, 0x9a, 0x58, 0xe2, 0xf3, 0xb5, 0x0b, 0x2a, 0x02, 0x76, 0xff, 0xae, 0x0f,
	0x1b, 0xa6, 0x37, 0x99, 0xb8, 0x7b, 0x7a, 0xa3, 0xdb, 0x36, 0xdf, 0xff, 0xd6, 0xb0, 0xf9, 0xbb,
	0x78, 0x78, 0xd7, 0xa7, 0x6c, 0x13,
};

#define GCM_VECTOR(bits) { \
	.key_length_octets = bits / 8 + GCM_SALT, .key = gcm_key, .idx = gcm_iv, \
	.plaintext_length_octets = sizeof(gcm_text) - 1, \
	.plaintext = (const uint8_t *)gcm_text, \
	.ciphertext_length_octets = sizeof(gcm_out_##bits), .ciphertext = gcm_out_##bits, \
	.aad_length_octets = sizeof(gcm_aad), .aad = gcm_aad, .tag_length_octets = GCM_TAG }
static const srtp_cipher_test_case_t gcm_vector_128 = GCM_VECTOR(128);
static const srtp_cipher_test_case_t gcm_vector_256 = GCM_VECTOR(256);

#define GCM_TYPE(bits) { \
	.alloc = gcm_alloc, .dealloc = gcm_dealloc, .init = gcm_init, .set_aad = gcm_set_aad, \
	.encrypt = gcm_encrypt, .decrypt = gcm_decrypt, .set_iv = gcm_set_iv, \
	.get_tag = gcm_get_tag, .description = "AES-" #bits " GCM, OpenSSL", \
	.test_data = &gcm_vector_##bits, .id = SRTP_AES_GCM_##bits }
static const srtp_cipher_type_t gcm_128 = GCM_TYPE(128);
static const srtp_cipher_type_t gcm_256 = GCM_TYPE(256);

/* ---- HMAC-SHA1 (RFC 2104) ------------------------------------------------ */

struct hmac {
	SHA_CTX inner, outer;        /* with the key in */
	SHA_CTX run;
};

static const srtp_auth_type_t hmac_sha1;

static srtp_err_status_t hmac_alloc(srtp_auth_pointer_t *out, int key_len, int out_len)
{
	srtp_auth_t *a;

	if (key_len < 0 || key_len > SHA1_LEN || out_len < 0 || out_len > SHA1_LEN)
		return srtp_err_status_bad_param;
	a = calloc(1, sizeof(*a));
	if (!a)
		return srtp_err_status_alloc_fail;
	a->state = calloc(1, sizeof(struct hmac));
	if (!a->state) {
		free(a);
		return srtp_err_status_alloc_fail;
	}
	a->type = &hmac_sha1;
	a->out_len = out_len;
	a->key_len = key_len;
	*out = a;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_pointer_t a)
{
	OPENSSL_cleanse(a->state, sizeof(struct hmac));
	free(a->state);
	free(a);
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int key_len)
{
	struct hmac *self = (struct hmac *)state;
	uint8_t pad[SHA1_BLOCK];
	int i;

	if (key_len < 0 || key_len > SHA1_BLOCK)
		return srtp_err_status_bad_param;
	memset(pad, 0x36, sizeof(pad));
	for (i = 0; i < key_len; i++)
		pad[i] ^= key[i];
	SHA1_Init(&self->inner);
	SHA1_Update(&self->inner, pad, sizeof(pad));
	for (i = 0; i < SHA1_BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	SHA1_Init(&self->outer);
	SHA1_Update(&self->outer, pad, sizeof(pad));
	self->run = self->inner;
	OPENSSL_cleanse(pad, sizeof(pad));
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state)
{
	struct hmac *self = (struct hmac *)state;

	self->run = self->inner;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *data, int len)
{
	struct hmac *self = (struct hmac *)state;

	if (len < 0 || !SHA1_Update(&self->run, data, (size_t)len))
		return srtp_err_status_auth_fail;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *data, int len, int tag_len,
				      uint8_t *tag)
{
	struct hmac *self = (struct hmac *)state;
	uint8_t md[SHA1_LEN];
	SHA_CTX outer = self->outer;

	if (tag_len < 0 || tag_len > SHA1_LEN || hmac_update(state, data, len))
		return srtp_err_status_bad_param;
	SHA1_Final(md, &self->run);
	SHA1_Update(&outer, md, sizeof(md));
	SHA1_Final(md, &outer);
	memcpy(tag, md, (size_t)tag_len);
	return srtp_err_status_ok;
}

/* RFC 2202 section 3, case 1. */
static const uint8_t hmac_key[20] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
				      0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
static const uint8_t hmac_data[8] = { 'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e' };
static const uint8_t hmac_tag[20] = { 0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
				      0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00 };
static const srtp_auth_test_case_t hmac_vector = {
	.key_length_octets = 20, .key = hmac_key, .data_length_octets = 8, .data = hmac_data,
	.tag_length_octets = 20, .tag = hmac_tag,
};
static const srtp_auth_type_t hmac_sha1 = {
	.alloc = hmac_alloc, .dealloc = hmac_dealloc, .init = hmac_init, .compute = hmac_compute,
	.update = hmac_update, .start = hmac_start, .description = "HMAC-SHA1, OpenSSL",
	.test_data = &hmac_vector, .id = SRTP_HMAC_SHA1,
};

int srtp_openssl_install(void)
{
	if (srtp_replace_cipher_type(&icm_128, SRTP_AES_ICM_128) ||
	    srtp_replace_cipher_type(&icm_192, SRTP_AES_ICM_192) ||
	    srtp_replace_cipher_type(&icm_256, SRTP_AES_ICM_256) ||
	    srtp_replace_cipher_type(&gcm_128, SRTP_AES_GCM_128) ||
	    srtp_replace_cipher_type(&gcm_256, SRTP_AES_GCM_256) ||
	    srtp_replace_auth_type(&hmac_sha1, SRTP_HMAC_SHA1))
		return -ENOSYS;
	return 0;
}
