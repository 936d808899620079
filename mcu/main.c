/* SPDX-License-Identifier: GPL-3.0-or-later
 * balaid: arguments, wiring, signals. */
int main(void)
{
	return 0;
}
