/* SPDX-License-Identifier: GPL-3.0-or-later
 * Telephone events: the four bytes of RFC 4733 section 2.3, and the sixteen
 * keys of its section 3.2. */
#include "base/cursor.h"
#include "codecs/payload.h"

#include <errno.h>

static const char keys[] = "0123456789*#ABCD";

enum { EVENT_END = 0x80, EVENT_VOLUME = 0x3f };

int dtmf_event_parse(struct dtmf_event *out, const uint8_t *payload, size_t len)
{
	struct cursor c = cursor_of(payload, len);
	struct dtmf_event event = { 0 };
	uint8_t flags;

	event.event = cursor_u8(&c);
	flags = cursor_u8(&c);
	event.duration = cursor_u16(&c);
	if (c.bad)
		return -EBADMSG;
	event.end = flags & EVENT_END;
	event.volume = flags & EVENT_VOLUME;
	/* More bytes may follow: older events, RFC 2198 style. They are of no
	 * use, since every event is sent several times anyway. */
	*out = event;
	return 0;
}

size_t dtmf_event_write(const struct dtmf_event *self, uint8_t buf[static 4])
{
	struct writer w = writer_of(buf, 4);

	writer_u8(&w, self->event);
	writer_u8(&w, (unsigned)(self->end ? EVENT_END : 0) | (self->volume & EVENT_VOLUME));
	writer_u16(&w, self->duration);
	return writer_len(&w);
}

char dtmf_event_char(uint8_t event)
{
	return event < sizeof(keys) - 1 ? keys[event] : 0;
}

int dtmf_char_event(char c)
{
	if (c >= 'a' && c <= 'd')
		c = (char)(c - 'a' + 'A');
	for (unsigned i = 0; i < sizeof(keys) - 1; i++)
		if (keys[i] == c)
			return (int)i;
	return -1;
}
