/* SPDX-License-Identifier: GPL-3.0-or-later
 * What an endpoint receives: counted, recorded where wanted, and looked at for the
 * first whole picture. */
#include "tests/load/endpoint_priv.h"

#include "codecs/payload.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct endpoint *self, int64_t now, const uint8_t *b, int len, uint16_t seq,
		 uint32_t timestamp)
{
	if (self->n_records == self->cap_records) {
		size_t cap = self->cap_records ? self->cap_records * 2 : 4096;
		struct record *r = realloc(self->record, cap * sizeof(*r));

		if (!r)
			return;
		self->record = r;
		self->cap_records = cap;
	}
	if (self->recorded_len + (size_t)len > self->recorded_cap) {
		size_t cap = self->recorded_cap ? self->recorded_cap * 2 : 1 << 22;
		uint8_t *d = realloc(self->recorded, cap);

		if (!d)
			return;
		self->recorded = d;
		self->recorded_cap = cap;
	}
	self->record[self->n_records++] = (struct record){
		now, timestamp, seq, (uint16_t)(len - 12), (b[1] & 0x80) != 0, self->recorded_len };
	memcpy(self->recorded + self->recorded_len, b + 12, (size_t)len - 12);
	self->recorded_len += (size_t)len - 12;
}

/* Begins a key frame that a decoder can start with: of H.264 with its SPS. */
static bool begins_key(enum codec_id codec, const uint8_t *payload, size_t len)
{
	int type = len ? payload[0] & 31 : 0;

	if (codec == CODEC_H264 && type != 7 && !(type == 24 && len > 3 && (payload[3] & 31) == 7))
		return false;
	return payload_is_key(codec, payload, len);
}

/* The first picture is complete when every packet from the beginning of the
 * first key frame to its marker is here. */
static void first_picture(struct endpoint *self, struct media *m, const uint8_t *b, int len,
			  uint16_t seq, uint32_t timestamp, int64_t now)
{
	if (begins_key(self->c.clip->codec, b + 12, (size_t)len - 12) &&
	    (!m->key_seen || (timestamp == m->key_timestamp &&
			      (int16_t)(seq - m->first_key) < 0) ||
	     (int32_t)(timestamp - m->key_timestamp) > 0)) {
		if (!m->key_seen || timestamp != m->key_timestamp)
			m->key_end_seen = false;
		m->key_seen = true;
		m->first_key = seq;
		m->key_timestamp = timestamp;
	}
	if (m->key_seen && timestamp == m->key_timestamp && (b[1] & 0x80)) {
		m->key_end_seen = true;
		m->key_end = seq;
	}
	if (!m->key_seen || !m->key_end_seen)
		return;
	for (uint16_t s = m->first_key; s != m->key_end; s++)
		if (!media_has(m, s))
			return;
	self->stats.first_picture_us = now;
}

static void on_video(struct endpoint *self, const uint8_t *b, int len, int64_t now)
{
	struct media *m = &self->media[VIDEO];
	uint16_t seq = (uint16_t)(b[2] << 8 | b[3]);
	uint32_t timestamp = (uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 | b[7];

	self->stats.video_packets++;
	if (!m->any) {
		m->highest = (uint16_t)(seq - 1);
		m->lowest = seq;
	}
	m->any = true;
	while ((int16_t)(seq - m->highest) > 0) {
		m->highest++;
		m->have[m->highest % WINDOW / 8] &= (uint8_t)~(1 << m->highest % 8);
	}
	if ((uint16_t)(m->highest - m->lowest) > WINDOW)
		m->lowest = (uint16_t)(m->highest - WINDOW);
	m->have[seq % WINDOW / 8] |= (uint8_t)(1 << seq % 8);
	if (!self->stats.first_picture_us)
		first_picture(self, m, b, len, seq, timestamp, now);
	if ((b[1] & 0x80) && timestamp != self->last_video_timestamp) {
		self->last_video_timestamp = timestamp;
		self->stats.video_frames++;
		if (self->measuring && m->last_us && now - m->last_us > self->stats.video_gap_us)
			self->stats.video_gap_us = now - m->last_us;
		m->last_us = now;
	}
	if (self->c.record)
		keep(self, now, b, len, seq, timestamp);
}

static void on_rtcp(struct endpoint *self, const uint8_t *b, int len)
{
	for (int at = 0; at + 4 <= len; at += 4 + 4 * (b[at + 2] << 8 | b[at + 3])) {
		int fmt = b[at] & 31;

		if (b[at + 1] == 206 && (fmt == 1 || fmt == 4) && self->c.clip)
			endpoint_jump_to_key(self);
	}
}

void endpoint_on_packet(struct endpoint *self, int kind, uint8_t *b, int len, int64_t now)
{
	struct media *m = &self->media[kind];

	if (len < 8 || b[0] >> 6 != 2 || endpoint_lost(self))
		return;
	if (b[1] >= 192 && b[1] <= 223) {
		if (!m->rx || srtp_unprotect_rtcp(m->rx, b, &len) == srtp_err_status_ok)
			on_rtcp(self, b, len);
		return;
	}
	if (m->rx && srtp_unprotect(m->rx, b, &len) != srtp_err_status_ok)
		return;
	if (len < 13)
		return;
	m->remote_ssrc = (uint32_t)b[8] << 24 | (uint32_t)b[9] << 16 | (uint32_t)b[10] << 8 | b[11];
	if (kind == VIDEO) {
		on_video(self, b, len, now);
		return;
	}
	self->stats.audio_packets++;
	if (!self->stats.first_audio_us)
		self->stats.first_audio_us = now;
	if (self->measuring && m->last_us && now - m->last_us > self->stats.audio_gap_us)
		self->stats.audio_gap_us = now - m->last_us;
	m->last_us = now;
	if (self->c.hear && self->measuring)
		mark_log_add(&self->marks, now, (uint16_t)(b[2] << 8 | b[3]), b + 12, (size_t)len - 12);
}
