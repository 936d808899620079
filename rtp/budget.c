/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp/budget.h"

enum { SECOND_US = 1000000, HOT_PERCENT = 95, COOL_PERCENT = 75, HOT_SECONDS = 2 };

int64_t budget_spend(struct budget *self, unsigned n, unsigned per_second, int64_t now)
{
	if (self->paid_us < now)
		self->paid_us = now;
	self->paid_us += (int64_t)n * SECOND_US / per_second;
	/* What is kept waiting comes in small parts rather than in bursts. */
	return self->paid_us - now > BUDGET_BURST_US ?
		self->paid_us - BUDGET_BURST_US + BUDGET_HOLD_US : 0;
}

bool busy_note(struct busy *self, int64_t now, int64_t cpu_us)
{
	int64_t span = now - self->since_us, percent;
	bool was = self->yields;

	if (span < SECOND_US)
		return false;
	percent = (cpu_us - self->cpu_us) * 100 / span;
	self->hot = percent >= HOT_PERCENT ? self->hot + 1 : 0;
	if (self->hot >= HOT_SECONDS)
		self->yields = true;
	else if (percent < COOL_PERCENT)
		self->yields = false;
	self->since_us = now;
	self->cpu_us = cpu_us;
	return self->yields != was;
}
