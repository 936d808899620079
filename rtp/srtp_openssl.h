/* SPDX-License-Identifier: GPL-3.0-or-later
 * OpenSSL's AES and SHA-1 behind libsrtp2. */
#ifndef BALAI_RTP_SRTP_OPENSSL_H
#define BALAI_RTP_SRTP_OPENSSL_H

/* After srtp_init, before the first session. -ENOSYS: the library's own vectors
 * did not come out, or it will not have it. */
int srtp_openssl_install(void);

#endif
