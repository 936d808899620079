/* SPDX-License-Identifier: GPL-3.0-or-later
 * Text from strangers, made fit to be shown to people: on a picture, in a list,
 * in a log line. Pure; any thread. */
#ifndef BALAI_BASE_DISPLAY_H
#define BALAI_BASE_DISPLAY_H

#include <stddef.h>

enum { DISPLAY_MAX = 64 }; /* characters of a name: enough for any that is one */

/* Writes `text` (len bytes, any bytes) into buf as valid UTF-8 on one line and
 * returns its length in bytes, 0 when nothing visible is left.
 *
 * - what is no UTF-8 (RFC 3629) becomes U+FFFD, one for a run of it;
 * - controls (C0, C1), invisible characters, private ones, and everything that
 *   turns the direction of writing or hides the order of letters goes; the
 *   joiners that Arabic, Indic scripts and emoji are written with stay;
 * - white space of any kind becomes one space between words, none at the ends;
 * - at most `max` characters as people count them (a letter with its marks is
 *   one) and cap - 1 bytes; what is cut ends with U+2026;
 * - a character keeps at most four combining marks, and none without one.
 *
 * Text that passed is left as it is when it passes again with the same limits.
 * cap is at least 8. */
size_t display_text(char *buf, size_t cap, const char *text, size_t len, unsigned max);

/* Whether the text is valid UTF-8 as it stands. */
int display_is_utf8(const char *text, size_t len);

#endif
