/* SPDX-License-Identifier: GPL-3.0-or-later
 * Frees what Sofia forgets: its TLS transport lets go of the socket and the BIO
 * of a connection, but never of the SSL object (50 to 75 KB each, Sofia
 * 1.12.11, tls_free). Control thread. */
#ifndef BALAI_SIP_UA_TLS_H
#define BALAI_SIP_UA_TLS_H

/* From here on the TLS connections that this thread opens or accepts are
 * remembered. Counted; `soon(arg)` asks for a tls_watch_look in this turn of
 * the loop (the latest caller's is kept). */
void tls_watch_start(void (*soon)(void *arg), void *arg);

/* Learns which sockets the new ones have, before these can be closed. */
void tls_watch_look(void);

/* Frees those whose socket has been closed; call it now and then. */
void tls_watch_sweep(void);

/* After the last nua_destroy: frees all of them. */
void tls_watch_stop(void);

/* Connections now remembered; for tests and statistics. */
unsigned tls_watch_count(void);

#endif
