/* SPDX-License-Identifier: GPL-3.0-or-later
 * What cmocka needs before it. */
#ifndef BALAI_TESTS_UNIT_CMOCKA_HEAD_H
#define BALAI_TESTS_UNIT_CMOCKA_HEAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
