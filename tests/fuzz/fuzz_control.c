/* SPDX-License-Identifier: GPL-3.0-or-later
 * Any line as a command; what comes back is always one line of JSON. */
#include "admin/control.h"
#include "tests/unit/small_bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int reload(void *arg, char **report)
{
	(void)arg;
	*report = strdup("x.xml:1: broken\n");
	return -EINVAL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct small_bridge bridge;
	json_t *reply;
	char *line;

	if (!bridge.controller) {
		if (small_bridge_start(&bridge, NULL))
			abort();
		bridge.context.reload = reload;
	}
	line = control_answer(&bridge.context, (const char *)data, size);
	if (!line || strcspn(line, "\n") + 1 != strlen(line))
		abort();
	reply = json_loads(line, 0, NULL);
	if (!json_is_boolean(json_object_get(reply, "ok")) ||
	    !json_object_get(reply, json_is_true(json_object_get(reply, "ok")) ? "result" : "error"))
		abort();
	json_decref(reply);
	free(line);
	return 0;
}
