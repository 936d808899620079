/* SPDX-License-Identifier: GPL-3.0-or-later
 * What Sofia's TLS reads its certificate from: a private directory with
 * agent.pem (key and certificate) and cafile.pem (the rest of the chain). */
#ifndef BALAI_SIP_UA_CERT_H
#define BALAI_SIP_UA_CERT_H

/* Makes the directory from PEM files of the administrator, or, with
 * `certificate` NULL, from a key and a self-signed certificate made now. `key`
 * NULL: it is in the certificate's file. *out is freed by cert_dir_remove.
 * -EINVAL: not a certificate and its key (logged). */
int cert_dir_new(char **out, const char *certificate, const char *key);

/* Deletes the directory; NULL is allowed and returned. Sofia has read it once
 * the listener is open. */
char *cert_dir_remove(char *dir);

#endif
