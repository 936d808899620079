/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video of ours as RTP for other programs, and theirs for ours.
 *
 *     rtp_stream pack CODEC MODE W H FRAMES PREFIX
 *         encodes a synthetic clip with three forced key frames and writes
 *         PREFIX.rtp (packets framed by RFC 4571), PREFIX.yuv (what our own
 *         decoder makes of it) and, H.264, PREFIX.h264
 *     rtp_stream unpack CODEC PREFIX
 *         reads PREFIX.rtp, writes PREFIX.yuv
 *     rtp_stream recolour W H 601|709 tv|pc 601|709 IN.yuv OUT.yuv
 *         converts a raw picture to limited range of the second matrix
 *     rtp_stream send PORT FILE.rtp
 *         sends the packets to 127.0.0.1, in four times their speed and over
 *         and over, until nobody listens or for twenty seconds
 *     rtp_stream receive FILE.rtp MARKERS
 *         says on which port it listens and writes what comes until so many
 *         packets with the marker have come */
#include "base/clock.h"
#include "base/cursor.h"
#include "base/ref.h"
#include "codecs/payload.h"
#include "codecs/video.h"
#include "tests/unit/clip.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DYNAMIC_PT = 96, HEADER = 12, MTU = 1200 };

static FILE *open_file(const char *prefix, const char *suffix, const char *mode)
{
	char name[512];
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", prefix, suffix);
	f = fopen(name, mode);
	if (!f) {
		perror(name);
		exit(1);
	}
	return f;
}

static void need(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "rtp_stream: %s\n", what);
		exit(1);
	}
}

static void write_picture(FILE *f, const struct picture *p)
{
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < p->height >> !!i; y++)
			fwrite(p->plane[i] + (ptrdiff_t)y * p->stride[i], 1,
			       (size_t)p->width >> !!i, f);
}

struct out {
	FILE *rtp;
	uint16_t seq;
	uint32_t time;
	uint8_t pt;
};

static int write_packet(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
			size_t body_len, bool last)
{
	struct out *o = arg;
	uint8_t buf[2 + HEADER + 1500];
	struct writer w = writer_of(buf, sizeof(buf));

	writer_u16(&w, (unsigned)(HEADER + head_len + body_len));
	writer_u8(&w, 0x80);
	writer_u8(&w, o->pt | (last ? 0x80u : 0));
	writer_u16(&w, o->seq++);
	writer_u32(&w, o->time);
	writer_u32(&w, 0x12345678);
	writer_bytes(&w, head, head_len);
	writer_bytes(&w, body, body_len);
	need(!w.bad, "packet too long");
	fwrite(buf, 1, writer_len(&w), o->rtp);
	return 0;
}

static int pack(char **arg)
{
	enum codec_id codec = codec_by_name(arg[0]);
	struct video_params p = { .format.id = codec, .width = (uint16_t)atoi(arg[2]),
				  .height = (uint16_t)atoi(arg[3]), .fps = 30,
				  .bitrate = 1500000 };
	struct out o = { .rtp = open_file(arg[5], ".rtp", "wb") };
	FILE *yuv = open_file(arg[5], ".yuv", "wb"), *raw = open_file(arg[5], ".h264", "wb");
	struct packer packer = { .picture_id = 0x7ff0 };
	struct video_encoder *enc;
	struct video_decoder *dec;
	int frames = atoi(arg[4]), sent = 0;

	o.pt = (uint8_t)(codec_static_pt(codec) >= 0 ? codec_static_pt(codec) : DYNAMIC_PT);
	if (codec == CODEC_H264)
		p.format.h264 = (struct h264_format){ .profile_idc = 66, .level_idc = 31 };
	need(video_encoder_new(&enc, &p) == 0 && video_decoder_new(&dec, codec) == 0, arg[0]);
	for (int n = 0; n < frames; n++) {
		struct picture *in = clip_picture(p.width, p.height, n), *out = NULL;
		struct coded *f = NULL;

		need(in && video_encode(enc, in, n % (frames / 3 + 1) == 0, &f) == 0, "encode");
		if (f) {
			o.time = f->rtp_time;
			need(payload_pack(&packer, f, atoi(arg[1]), MTU, write_packet, &o) == 0,
			     "pack");
			need(video_decode(dec, f, &out) == 0 && out, "decode");
			write_picture(yuv, out);
			fwrite(f->data, 1, f->len, raw);
			sent++;
		}
		ref_drop(f);
		ref_drop(out);
		ref_drop(in);
	}
	printf("%d\n", sent);
	video_encoder_free(enc);
	video_decoder_free(dec);
	fclose(o.rtp);
	fclose(yuv);
	fclose(raw);
	return 0;
}

/* The next packet of a framed file; its length, 0 at the end. */
static size_t read_packet(FILE *f, uint8_t buf[static 65536])
{
	uint8_t len[2];
	size_t n;

	if (fread(len, 1, 2, f) != 2)
		return 0;
	n = (size_t)(len[0] << 8 | len[1]);
	return fread(buf, 1, n, f) == n ? n : 0;
}

static int unpack(char **arg)
{
	static uint8_t buf[65536];
	FILE *rtp = open_file(arg[1], ".rtp", "rb"), *yuv = open_file(arg[1], ".yuv", "wb");
	enum codec_id codec = codec_by_name(arg[0]);
	struct unpacker *u;
	struct video_decoder *dec;
	size_t n;
	int frames = 0, packets = 0;
	uint16_t expect = 0;

	need(unpacker_new(&u, codec) == 0 && video_decoder_new(&dec, codec) == 0, arg[0]);
	while ((n = read_packet(rtp, buf)) > 0) {
		struct cursor c = cursor_of(buf, n);
		struct coded *f = NULL;
		struct picture *out = NULL;
		uint8_t second;
		uint16_t seq;
		uint32_t time;

		cursor_u8(&c);
		second = cursor_u8(&c);
		seq = cursor_u16(&c);
		time = cursor_u32(&c);
		cursor_u32(&c);
		need(!c.bad && (packets++ == 0 || seq == expect), "sequence");
		expect = (uint16_t)(seq + 1);
		need(unpacker_put(u, c.p, cursor_left(&c), time, second & 0x80, false, &f) == 0,
		     "payload");
		if (!f)
			continue;
		need(!f->corrupt, "corrupt");
		need(video_decode(dec, f, &out) == 0, "decode");
		if (out) {
			write_picture(yuv, out);
			frames++;
		}
		ref_drop(out);
		ref_drop(f);
	}
	printf("%d\n", frames);
	unpacker_free(u);
	video_decoder_free(dec);
	fclose(rtp);
	fclose(yuv);
	return 0;
}

static enum colour colour_of(const char *name)
{
	return strcmp(name, "601") == 0 ? COLOUR_BT601 : COLOUR_BT709;
}

static int recolour(char **arg)
{
	FILE *in = open_file(arg[5], "", "rb"), *out = open_file(arg[6], "", "wb");
	struct picture *p = picture_new(atoi(arg[0]), atoi(arg[1])), *to;

	need(p != NULL, "size");
	p->colour = colour_of(arg[2]);
	p->full_range = strcmp(arg[3], "pc") == 0;
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < p->height >> !!i; y++)
			need(fread(p->plane[i] + (ptrdiff_t)y * p->stride[i], 1,
				   (size_t)p->width >> !!i, in) == (size_t)p->width >> !!i, arg[5]);
	to = picture_converted(p, colour_of(arg[4]));
	need(to != NULL, "memory");
	write_picture(out, to);
	ref_drop(to);
	ref_drop(p);
	fclose(in);
	fclose(out);
	return 0;
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* Again and again, with sequence numbers and times that go on, until nobody
 * listens any more or it has been long enough. */
static int send_file(char **arg)
{
	static uint8_t buf[65536];
	FILE *rtp = open_file(arg[1], "", "rb");
	struct sockaddr_in to = loopback(atoi(arg[0]));
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint32_t first = 0, time = 0, shift = 0;
	uint16_t seq = 0;
	int64_t start = clock_us();
	size_t n;

	need(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "socket");
	while (clock_us() < start + 20000000) {
		n = read_packet(rtp, buf);
		if (n <= HEADER) {
			rewind(rtp);
			shift = time + 3000 - first;
			continue;
		}
		time = ((uint32_t)buf[4] << 24 | (uint32_t)buf[5] << 16 |
			(uint32_t)buf[6] << 8 | buf[7]) + shift;
		first = first ? first : time;
		for (int i = 0; i < 4; i++)
			buf[4 + i] = (uint8_t)(time >> (24 - 8 * i));
		buf[2] = (uint8_t)(seq >> 8);
		buf[3] = (uint8_t)seq++;
		clock_sleep_until(start + (int64_t)(time - first) * 100 / 9 / 4);
		if (send(fd, buf, n, 0) < 0)
			break;
	}
	close(fd);
	fclose(rtp);
	return 0;
}

static int receive(char **arg)
{
	static uint8_t buf[2 + 65536];
	FILE *rtp = open_file(arg[0], "", "wb");
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20, markers = atoi(arg[1]);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	need(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	     getsockname(fd, (struct sockaddr *)&a, &len) == 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	while (markers > 0 && poll(&p, 1, 20000) == 1) {
		ssize_t n = recv(fd, buf + 2, 65535, 0);

		if (n <= HEADER || buf[2] >> 6 != 2)
			continue;
		buf[0] = (uint8_t)(n >> 8);
		buf[1] = (uint8_t)n;
		fwrite(buf, 1, (size_t)n + 2, rtp);
		markers -= buf[3] >> 7;
	}
	close(fd);
	fclose(rtp);
	return markers > 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **arg);
	} verb[] = {
		{ "pack", 6, pack }, { "unpack", 2, unpack }, { "send", 2, send_file },
		{ "receive", 2, receive }, { "recolour", 7, recolour },
	};

	for (size_t i = 0; i < sizeof(verb) / sizeof(*verb); i++)
		if (argc == verb[i].args + 2 && strcmp(argv[1], verb[i].name) == 0)
			return verb[i].run(argv + 2);
	fprintf(stderr, "usage: rtp_stream pack|unpack|send|receive …\n");
	return 2;
}
