/* SPDX-License-Identifier: GPL-3.0-or-later
 * The configuration: broken files with the very words they get, whole files
 * with the tree they become. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "conf/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_OF(body) "<balai xmlns=\"urn:balai:config:1\">\n" body "\n</balai>\n"
#define NETWORK(body) FILE_OF("<network>" body "</network>")
#define PROFILES(body) FILE_OF("<profiles>" body "</profiles>")
#define PROFILE(body) PROFILES("<profile name=\"p\">" body "</profile>")
#define CONFERENCES(body) FILE_OF("<conferences>" body "</conferences><dial-plan><rule>" \
	"<conference/></rule></dial-plan>")
#define PLAN(body) FILE_OF("<dial-plan>\n" body "\n</dial-plan>")
#define LAYOUTS(body) FILE_OF("<layouts>" body "</layouts>")
#define ONE(name, attrs) \
	"<layout name=\"" name "\" columns=\"4\"><place " attrs "/></layout>"
#define NUMBER(attrs) "<conference number=\"1\" " attrs "/>"

static const struct conf_surroundings nothing_around = { NULL, false };

static int parse(struct config **out, const char *text, size_t len, char **said)
{
	size_t n = 0;
	FILE *f = open_memstream(said, &n);
	int err = conf_parse(out, text, len, "t.xml", f, &nothing_around);

	fclose(f);
	return err;
}

/* ---- broken files ---------------------------------------------------------------------- */

struct broken {
	const char *text;
	const char *said;
};

static const struct broken broken_whole[] = {
	{ "", "t.xml:1: not well-formed XML (Document is empty), repair it here or just before\n" },
	{ "hello\n", "t.xml:1: not well-formed XML (Start tag expected, '<' not found), repair it here "
	  "or just before\n" },
	{ "<balai/>", "t.xml:1: the outermost element is <balai>, write <balai "
	  "xmlns=\"urn:balai:config:1\">\n" },
	{ "<balai xmlns=\"urn:balai:config:2\"/>", "t.xml:1: the outermost element is <balai "
	  "xmlns=\"urn:balai:config:2\">, write <balai xmlns=\"urn:balai:config:1\">\n" },
	{ FILE_OF("<network>\n</networks>"), "t.xml:3: </networks> where <network> of line 2 is open, "
	  "write </network> first\n" },
	{ FILE_OF("<network><control socket=\"/a&nope;\"/></network>"), "t.xml:2: not well-formed XML "
	  "(Entity 'nope' not defined), repair it here or just before\n" },
	{ "<!DOCTYPE balai [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>\n"
	  "<balai xmlns=\"urn:balai:config:1\">&a;</balai>",
	  "t.xml:1: a DOCTYPE and entities are not allowed, leave them out\n" },
	{ "<!DOCTYPE balai [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
	  "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><balai xmlns=\"urn:balai:config:1\">&c;</balai>",
	  "t.xml:1: a DOCTYPE and entities are not allowed, leave them out\n" },
	{ FILE_OF("<profiles/><profiles/>"), "t.xml:2: a second <profiles>, put it into the first one, on "
	  "line 2\n" },
	{ FILE_OF("<dialplan/>"), "t.xml:2: <dialplan> does not belong inside <balai>, did you mean "
	  "\"dial-plan\"?\n" },
	{ FILE_OF("<x xmlns=\"\"/>"), "t.xml:2: <x> does not belong inside <balai>, write network, "
	  "profiles, layouts, conferences, accounts, trunks, dial-plan or quirks\n" },
	{ FILE_OF("<network xmlns=\"\"/>"), "t.xml:2: <network> is not in the namespace "
	  "urn:balai:config:1, remove its xmlns or prefix\n" },
	{ FILE_OF("<network>text</network>"), "t.xml:2: text inside <network>, write attributes or remove "
	  "it\n" },
	/* what only the schema sees is said in libxml2's words */
	{ "<balai xmlns=\"urn:balai:config:1\"\n xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
	  "xsi:x=\"1\"/>", "t.xml:2: against the schema: Element 'balai', attribute "
	  "'{http://www.w3.org/2001/XMLSchema-instance}x': The attribute "
	  "'{http://www.w3.org/2001/XMLSchema-instance}x' is not allowed\n" },
	{ "<balai xmlns=\"urn:balai:config:1\" version=\"1\"/>", "t.xml:1: <balai> has no attribute "
	  "\"version\", leave it out\n" },
};

static const struct broken broken_network[] = {
	{ NETWORK("<listen/>"), "t.xml:2: <listen> needs an attribute \"transport\", write udp, tcp or "
	  "tls\n" },
	{ NETWORK("<listen transport=\"sctp\"/>"), "t.xml:2: transport=\"sctp\" is unknown, write udp, tcp "
	  "or tls\n" },
	{ NETWORK("<listen transport=\"TLS\" prot=\"1\"/>"),
	  "t.xml:2: <listen> has no attribute \"prot\", did you mean \"port\"?\n"
	  "t.xml:2: transport=\"TLS\" is unknown, did you mean \"tls\"?\n" },
	{ NETWORK("<listen transport=\"udp\" address=\"example.org\"/>"),
	  "t.xml:2: address=\"example.org\" is no numeric address, write one such as 192.0.2.10 or "
	  "2001:db8::10, * for all IPv4 or :: for all IPv6\n" },
	{ NETWORK("<listen transport=\"udp\" port=\"65536\"/>"), "t.xml:2: port=\"65536\" is out of range, "
	  "write one from 0 to 65535\n" },
	{ NETWORK("<listen transport=\"udp\" port=\"99999999999999999999\"/>"),
	  "t.xml:2: port=\"99999999999999999999\" is out of range, write one from 0 to 65535\n" },
	{ NETWORK("<listen transport=\"udp\" port=\"-1\"/>"), "t.xml:2: port=\"-1\" is not a number, write "
	  "one from 0 to 65535\n" },
	{ NETWORK("<listen transport=\"udp\"/>\n<listen transport=\"udp\" address=\"127.0.0.1\"/>"),
	  "t.xml:3: port 5060 on \"127.0.0.1\" is taken by udp of line 2 already, write another port or "
	  "leave it out\n" },
	{ NETWORK("<listen transport=\"tcp\" address=\"::1\" port=\"5061\"/>\n"
		  "<listen transport=\"tls\" address=\"::1\"/>"),
	  "t.xml:3: port 5061 on \"::1\" is taken by tcp of line 2 already, write another port or leave it "
	  "out\n" },
	{ NETWORK("<advertised/>"), "t.xml:2: <advertised> needs an attribute \"address\", write "
	  "address=\"…\"\n" },
	{ NETWORK("<advertised address=\"*\"/>"), "t.xml:2: address=\"*\" is no numeric address, write one "
	  "such as 192.0.2.10 or 2001:db8::10\n" },
	{ NETWORK("<media ports=\"30000\"/>"), "t.xml:2: ports=\"30000\" is no range, write it like "
	  "20000-29999, or any\n" },
	{ NETWORK("<media ports=\"1-2-3\"/>"), "t.xml:2: ports=\"1-2-3\" is no range, write it like "
	  "20000-29999, or any\n" },
	{ NETWORK("<media ports=\"29999-20000\"/>"), "t.xml:2: ports=\"29999-20000\" is backwards, write "
	  "the lower port first\n" },
	{ NETWORK("<media ports=\"60000-70001\"/>"), "t.xml:2: ports=\"60000-70001\" has no such port, write "
	  "numbers up to 65535\n" },
	{ NETWORK("<media ports=\"1000-2001\"/>"), "t.xml:2: ports=\"1000-2001\" begins below 1024, where "
	  "ports are reserved, write 1024 or more\n" },
	{ NETWORK("<media ports=\"20001-20099\"/>"), "t.xml:2: ports=\"20001-20099\" begins with an odd "
	  "port, write an even one (RTP is even, RTCP the odd one after it)\n" },
	{ NETWORK("<media ports=\"20000-20100\"/>"), "t.xml:2: ports=\"20000-20100\" ends with an even "
	  "port, write an odd one (RTP is even, RTCP the odd one after it)\n" },
	{ NETWORK("<media ports=\"20000-20005\"/>"), "t.xml:2: ports=\"20000-20005\" is too small for a "
	  "conference of two, write at least 8 ports\n" },
	{ NETWORK("<media\n address=\"*\"\n ports=\"x\"\n/>"),
	  "t.xml:3: address=\"*\" is no numeric address, write one such as 192.0.2.10 or 2001:db8::10\n"
	  "t.xml:4: ports=\"x\" is no range, write it like 20000-29999, or any\n" },
	{ NETWORK("<tls certificate=\"a.pem\"/>"), "t.xml:2: <tls> needs an attribute \"key\", write "
	  "key=\"…\"\n" },
	{ NETWORK("<control socket=\"run/control\"/>"), "t.xml:2: socket=\"run/control\" is a relative name, "
	  "write it from / on\n" },
	{ NETWORK("<control socket=\"/1234567890123456789012345678901234567890123456789012345678901234567890"
		  "12345678901234567890123456789012345678\"/>"), "t.xml:2: socket is too long, write at most "
	  "107 characters\n" },
	{ NETWORK("<limits workers=\"300\" max-calls=\"many\"/>"),
	  "t.xml:2: workers=\"300\" is out of range, write one from 0 to 256\n"
	  "t.xml:2: max-calls=\"many\" is not a number, write one from 0 to 100000\n" },
	{ NETWORK("<limit/>"), "t.xml:2: <limit> does not belong inside <network>, did you mean "
	  "\"limits\"?\n" },
	{ NETWORK("<limits/>\n<limits/>"), "t.xml:3: a second <limits>, put it into the first one, on line "
	  "2\n" },
};

static const struct broken broken_meeting[] = {
	{ PROFILES("<profile/>"), "t.xml:2: <profile> needs an attribute \"name\", write name=\"…\"\n" },
	{ PROFILES("<profile name=\"\"/>"), "t.xml:2: name is empty, write a value\n" },
	{ PROFILES("<profile name=\"a b\"/>"), "t.xml:2: name=\"a b\" has a space in it, write it without\n" },
	{ PROFILES("<profile name=\"a\"/>\n<profile name=\"a\"/>"), "t.xml:3: profile \"a\" is there "
	  "already, on line 2, write another name\n" },
	{ PROFILES("<profile name=\"a\" encryption=\"forced\" session-expires=\"60\"/>"),
	  "t.xml:2: encryption=\"forced\" is unknown, write off, preferred or required\n"
	  "t.xml:2: session-expires=\"60\" is too short, write 90 or more, or 0 for none\n" },
	{ PROFILE("<audio codecs=\"g.722 PCMA PCMA\"/>"),
	  "t.xml:2: codec \"g.722\" is unknown, did you mean \"G722\"?\n"
	  "t.xml:2: PCMA is there twice, write it once\n" },
	{ PROFILE("<audio gain=\"on\"/>"),
	  "t.xml:2: gain=\"on\" is unknown, write off or auto\n" },
	{ PROFILE("<audio codecs=\"H264\"/>"), "t.xml:2: H264 is not for audio, write it in <video>\n" },
	{ PROFILE("<audio codecs=\"opus CN\"/>"), "t.xml:2: CN comes by itself, leave it out\n" },
	{ PROFILE("<audio codecs=\"\"/>"), "t.xml:2: codecs is empty, write a value or leave it out\n" },
	{ PROFILE("<video codecs=\" \"/>"), "t.xml:2: codecs is empty, write a value or leave it out\n" },
	{ PROFILE("<video codecs=\"AV1\"/>"), "t.xml:2: codec \"AV1\" is unknown, "
	  "write H264, VP8, H263-1998, H263 or H261\n" },
	{ PROFILE("<video width=\"1281\" height=\"90\" fps=\"0\" bandwidth=\"2M\"/>"),
	  "t.xml:2: width=\"1281\" is odd, write an even number such as 1282\n"
	  "t.xml:2: height=\"90\" is out of range, write one from 96 to 2160\n"
	  "t.xml:2: fps=\"0\" is out of range, write one from 1 to 60\n"
	  "t.xml:2: bandwidth=\"2M\" is not a number, write one from 64 to 50000\n" },
	{ PROFILE("<video enabled=\"false\"/>"), "t.xml:2: enabled=\"false\" is unknown, write no or yes\n" },
	{ LAYOUTS("<layout/>"), "t.xml:2: <layout> needs an attribute \"name\", write name=\"…\"\n"
	  "t.xml:2: <layout> needs an attribute \"columns\", write how many cells the picture is wide\n"
	  "t.xml:2: 0 places, write 1 to 16\n" },
	{ LAYOUTS("<layout name=\"Speaker\" columns=\"1\"><place x=\"0\" y=\"0\"/></layout>"),
	  "t.xml:2: layout \"Speaker\" is built in, write another name\n" },
	{ LAYOUTS(ONE("a", "x=\"0\" y=\"0\"") "\n" ONE("A", "x=\"0\" y=\"0\"")),
	  "t.xml:3: layout \"A\" is there already, on line 2, write another name\n" },
	{ LAYOUTS(ONE("a", "x=\"4\" y=\"2\" height=\"3\"")),
	  "t.xml:2: x=\"4\" is outside the picture, which has 4 columns, write one from 0 to 3\n"
	  "t.xml:2: height=\"3\" reaches outside the picture, which has 4 rows, write at most 2\n" },
	{ LAYOUTS(ONE("a", "y=\"0\" width=\"0\" role=\"talker\" name=\"3\" caller=\"(\"")),
	  "t.xml:2: width=\"0\" is out of range, write one from 1 to 100\n"
	  "t.xml:2: <place> needs an attribute \"x\", write x=\"…\" from 0 to 3\n"
	  "t.xml:2: role=\"talker\" is unknown, write other, speaker or fixed\n"
	  "t.xml:2: name=\"3\" is a number, and places have numbers already, write a word\n"
	  "t.xml:2: caller=\"(\": missing closing parenthesis at offset 1, correct the pattern here: "
	  "(<-- here\n" },
	{ LAYOUTS("<layout name=\"a\" columns=\"2\">\n<place x=\"1\" y=\"1\" name=\"s\"/>\n"
		  "<place x=\"0\" y=\"0\" width=\"2\" height=\"2\"/></layout>"),
	  "t.xml:3: the place on line 4 lies over all of this one, move one of them, or put the smaller "
	  "one behind the larger\n" },
	{ LAYOUTS("<layout name=\"a\" columns=\"2\">\n<place x=\"0\" y=\"0\" name=\"s\"/>\n"
		  "<place x=\"1\" y=\"0\" name=\"S\"/></layout>"),
	  "t.xml:4: place \"S\" is there already, on line 3, write another name\n" },
	{ FILE_OF("<layouts>" ONE("hall", "x=\"0\" y=\"0\"") "</layouts><conferences>\n"
		  NUMBER("layout=\"hal\"") "</conferences>"),
	  "t.xml:3: layout=\"hal\" is unknown, did you mean \"hall\"?\n" },
	{ CONFERENCES("<conference/>"), "t.xml:2: <conference> needs an attribute \"number\", write "
	  "number=\"…\"\n" },
	{ CONFERENCES(NUMBER("profile=\"defualt\"")), "t.xml:2: profile \"defualt\" does not exist, did you "
	  "mean \"default\"?\n" },
	{ CONFERENCES(NUMBER("") "\n" NUMBER("name=\"two\"")), "t.xml:3: number \"1\" is there already, on "
	  "line 2, write another one\n" },
	{ CONFERENCES(NUMBER("encryption=\"off\"")), "t.xml:2: encryption=\"off\" is weaker than "
	  "\"preferred\" of profile \"default\", write at least that or choose another profile\n" },
	{ CONFERENCES(NUMBER("layout=\"3x4\"")), "t.xml:2: layout=\"3x4\" is unknown, write auto, 1x1, "
	  "1+1, 2x2, 3x3, 4x4, 1+4, 1+5, 1+7, 1+9, 1+12, 2+8, side-by-side, speaker, pip or overlay\n" },
	{ CONFERENCES(NUMBER("layout=\"speakr\" self=\"always\" crop=\"1\" labels=\"maybe\" "
		      "audio-only=\"no\" max-participants=\"x\"")),
	  "t.xml:2: layout=\"speakr\" is unknown, did you mean \"speaker\"?\n"
	  "t.xml:2: self=\"always\" is unknown, write no, yes or auto\n"
	  "t.xml:2: crop=\"1\" is unknown, write no or yes\n"
	  "t.xml:2: labels=\"maybe\" is unknown, write no or yes\n"
	  "t.xml:2: audio-only=\"no\" is unknown, write count, tile or hide\n"
	  "t.xml:2: max-participants=\"x\" is not a number, write one from 0 to 100000\n" },
};

static const struct broken broken_plan[] = {
	{ PLAN("<rule/>"), "t.xml:3: the rule leads nowhere, write <conference>, <address>, <account>, "
	  "<trunk> or <refuse> into it\n" },
	{ PLAN("<rule><refuse code=\"404\"/>\n<conference/></rule>"), "t.xml:4: a rule leads to one place "
	  "and this one has <refuse> already, leave <conference> out or write a rule for it\n" },
	{ PLAN("<rule dialled=\"1(23\"><conference/></rule>"), "t.xml:3: dialled=\"1(23\": missing closing "
	  "parenthesis at offset 4, correct the pattern here: 1(23<-- here\n" },
	{ PLAN("<rule dialled=\"a**b\"><conference/></rule>\n<rule caller=\"[z-a]\"><conference/></rule>"),
	  "t.xml:3: dialled=\"a**b\": quantifier does not follow a repeatable item at offset 2, correct the "
	  "pattern here: a*<-- here\n"
	  "t.xml:4: caller=\"[z-a]\": range out of order in character class at offset 3, correct the pattern "
	  "here: [z-<-- here\n" },
	{ PLAN("<rule dialled=\"(1)(2)\"><conference number=\"$3\"/></rule>"), "t.xml:3: number=\"$3\": $3, "
	  "but the pattern has 2 pairs of parentheses, write a lower number or more parentheses\n" },
	{ PLAN("<rule><conference number=\"$1\"/></rule>"), "t.xml:3: number=\"$1\": $1, but the pattern "
	  "has 0 pairs of parentheses, write $0 or put parentheses into dialled\n" },
	{ PLAN("<rule dialled=\"x(.)\"><address uri=\"sip:$1$x@h\"/></rule>"), "t.xml:3: uri=\"sip:$1$x@h\": "
	  "a $ without a digit after it, write $0 to $9, $d0 to $d9, $o0 to $o9, or $$ for the sign itself\n" },
	{ PLAN("<rule original=\"1\"><conference create=\"yes\" number=\"$o1\"/></rule>"), "t.xml:3: "
	  "number=\"$o1\": $o1, but the pattern has 0 pairs of parentheses, write $o0 or put parentheses "
	  "into original\n" },
	{ PLAN("<rule original=\"1\"><conference create=\"yes\" number=\"$d0\"/></rule>"), "t.xml:3: "
	  "number=\"$d0\": $d, but the rule has no diverted pattern, write diverted=\".*\" into it\n" },
	{ PLAN("<rule original=\"1\"><conference create=\"yes\" number=\"$o\"/></rule>"), "t.xml:3: "
	  "number=\"$o\": a $ without a digit after it, write $0 to $9, $d0 to $d9, $o0 to $o9, or $$ for "
	  "the sign itself\n" },
	{ PLAN("<rule diverted=\"(\"><conference create=\"yes\" number=\"$d1\"/></rule>"), "t.xml:3: "
	  "diverted=\"(\": missing closing parenthesis at offset 1, correct the pattern here: (<-- here\n" },
	{ FILE_OF("<network><trusted address=\"10.0.0.1/8\"/>\n<trusted address=\"pbx\"/>\n"
		  "<trusted address=\"::/0\"/><trusted address=\"1.2.3.4/33\"/>\n"
		  "<trusted address=\"1.2.3.4/\"/>\n<transfers hosts=\"a b:5060\" per-call=\"0\"/></network>"),
	  "t.xml:2: address=\"10.0.0.1/8\" has bits set behind its prefix, write one such as 192.0.2.10, "
	  "10.1.0.0/16 or 2001:db8::/32\n"
	  "t.xml:3: address=\"pbx\" is no numeric address, write one such as 192.0.2.10, 10.1.0.0/16 or "
	  "2001:db8::/32\n"
	  "t.xml:4: address=\"::/0\" is everybody, whose word is worth nothing, write one such as "
	  "192.0.2.10, 10.1.0.0/16 or 2001:db8::/32\n"
	  "t.xml:4: address=\"1.2.3.4/33\" has more bits than an address, write one such as 192.0.2.10, "
	  "10.1.0.0/16 or 2001:db8::/32\n"
	  "t.xml:5: address=\"1.2.3.4/\" has no number behind the /, write one such as 192.0.2.10, "
	  "10.1.0.0/16 or 2001:db8::/32\n"
	  "t.xml:6: per-call=\"0\" is out of range, write one from 1 to 100\n"
	  "t.xml:6: hosts: \"b:5060\" is no host, write a name such as pbx.example.org or a numeric "
	  "address, without a port\n" },
	{ PLAN("<rule><conference number=\"77\"/></rule>"), "t.xml:3: conference \"77\" is not configured, "
	  "write it into <conferences> or create=\"yes\" here\n" },
	{ FILE_OF("<conferences><conference number=\"4711\"/></conferences>\n"
		  "<dial-plan><rule><conference number=\"4771\"/></rule></dial-plan>"),
	  "t.xml:2: warning: no rule leads to conference \"4711\", write one such as <rule><conference "
	  "number=\"$0\"/></rule>\n"
	  "t.xml:3: conference \"4771\" is not configured, did you mean \"4711\"?\n" },
	{ FILE_OF("<conferences><conference number=\"big\" template=\"yes\"/></conferences>\n"
		  "<dial-plan><rule><conference number=\"big\"/></rule></dial-plan>"),
	  "t.xml:3: \"big\" of line 2 is a template and cannot be called, write the number of a "
	  "conference\n" },
	{ PLAN("<rule><conference profile=\"default\" like=\"x\"/></rule>"),
	  "t.xml:3: profile is for conferences that are created, write create=\"yes\" too or leave it out\n"
	  "t.xml:3: like is for conferences that are created, write create=\"yes\" too or leave it out\n" },
	{ PLAN("<rule><conference create=\"yes\" profile=\"x\"/></rule>"), "t.xml:3: profile \"x\" does not "
	  "exist, write default\n" },
	{ PLAN("<rule><conference create=\"yes\" like=\"x\"/></rule>"), "t.xml:3: template \"x\" does not "
	  "exist, write a <conference template=\"yes\"> with this number\n" },
	{ FILE_OF("<conferences><conference number=\"1\"/></conferences>\n"
		  "<dial-plan><rule><conference create=\"yes\" like=\"1\" profile=\"default\"/></rule>"
		  "</dial-plan>"),
	  "t.xml:3: both profile and like, leave profile out (the template has one)\n"
	  "t.xml:3: conference \"1\" of line 2 is no template, write template=\"yes\" there\n" },
	{ PLAN("<rule><address uri=\"pbx.example.org\"/></rule>"), "t.xml:3: uri=\"pbx.example.org\" is no "
	  "SIP address, write it like sip:$0@pbx.example.org\n" },
	{ PLAN("<rule><address uri=\"sip:a@\"/></rule>"), "t.xml:3: uri=\"sip:a@\" is no SIP address, write "
	  "it like sip:$0@pbx.example.org\n" },
	{ PLAN("<rule><refuse/></rule>"), "t.xml:3: <refuse> needs an attribute \"code\", write a status "
	  "from 400 to 699 such as code=\"403\"\n" },
	{ PLAN("<rule><refuse code=\"399\"/></rule>"), "t.xml:3: code=\"399\" is out of range, write one "
	  "from 400 to 699\n" },
	{ PLAN("<rule><refuse code=\"700\"/></rule>"), "t.xml:3: code=\"700\" is out of range, write one "
	  "from 400 to 699\n" },
	{ PLAN("<rule><refuse code=\"403\" reason=\"a&#10;b\"/></rule>"), "t.xml:3: reason has a line break "
	  "or control character in it, write one line of text\n" },
	{ PLAN("<rule from=\"25:00\" to=\"8\"><refuse code=\"403\"/></rule>"),
	  "t.xml:3: from=\"25:00\" is no time of day, write it like 08:30 (00:00 to 24:00)\n"
	  "t.xml:3: to=\"8\" is no time of day, write it like 08:30 (00:00 to 24:00)\n" },
	{ PLAN("<rule from=\"08:00\" to=\"08:00\"><refuse code=\"403\"/></rule>"), "t.xml:3: from and to are "
	  "the same time, write different ones, or leave both out for the whole day\n" },
	{ PLAN("<rule days=\"monday mon-fri tue\"><refuse code=\"403\"/></rule>"),
	  "t.xml:3: days: \"monday\" is no day, write mon, tue, wed, thu, fri, sat, sun or a span such as "
	  "mon-fri\n"
	  "t.xml:3: days: \"tue\" repeats a day, write each once\n" },
	{ PLAN("<rule days=\" \"><refuse code=\"403\"/></rule>"), "t.xml:3: days is empty, write a day or "
	  "leave it out\n" },
	{ PLAN("<rule transport=\"ws\" dialed=\"1\"><refuse code=\"403\"/></rule>"),
	  "t.xml:3: <rule> has no attribute \"dialed\", did you mean \"dialled\"?\n"
	  "t.xml:3: transport=\"ws\" is unknown, write udp, tcp or tls\n" },
};

static void check_broken(const struct broken *table, size_t n)
{
	long live = ref_live();

	for (size_t i = 0; i < n; i++) {
		struct config *c = (void *)&live; /* must stay */
		char *said;
		int err = parse(&c, table[i].text, strlen(table[i].text), &said);

		assert_string_equal(said, table[i].said);
		assert_int_equal(err, -EINVAL);
		assert_ptr_equal(c, &live);
		assert_int_equal(ref_live(), live);
		free(said);
	}
}

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

static void test_broken_whole(void **state)
{
	(void)state;
	check_broken(ROWS(broken_whole));
}

static void test_broken_network(void **state)
{
	(void)state;
	check_broken(ROWS(broken_network));
}

static void test_broken_meeting(void **state)
{
	(void)state;
	check_broken(ROWS(broken_meeting));
}

static void test_broken_plan(void **state)
{
	(void)state;
	check_broken(ROWS(broken_plan));
}

/* ---- rules that are never reached ---------------------------------------------------------- */

#define REFUSE "<refuse code=\"403\"/></rule>"

static const struct {
	const char *first, *second;
	bool covered;
} reaches[] = {
	{ "<rule>" REFUSE, "<rule>" REFUSE, true },
	{ "<rule>" REFUSE, "<rule dialled=\"1\" caller=\"x\" from=\"08:00\">" REFUSE, true },
	{ "<rule dialled=\"1\">" REFUSE, "<rule>" REFUSE, false },
	{ "<rule dialled=\"1..\">" REFUSE, "<rule dialled=\"1..\" transport=\"tls\">" REFUSE, true },
	{ "<rule dialled=\"1..\" transport=\"tls\">" REFUSE, "<rule dialled=\"1..\">" REFUSE, false },
	{ "<rule dialled=\"1..\" transport=\"tls\">" REFUSE, "<rule dialled=\"1..\" transport=\"tcp\">" REFUSE,
	  false },
	{ "<rule dialled=\".*\">" REFUSE, "<rule>" REFUSE, true },
	{ "<rule dialled=\".+\">" REFUSE, "<rule>" REFUSE, false },
	{ "<rule dialled=\"[0-9]+\">" REFUSE, "<rule dialled=\"911\">" REFUSE, true },
	{ "<rule dialled=\"[0-9]+\">" REFUSE, "<rule dialled=\"^1\\d{3}$\">" REFUSE, true },
	{ "<rule dialled=\"1\\d{3}\">" REFUSE, "<rule dialled=\"1\\d{2,3}\">" REFUSE, false },
	{ "<rule dialled=\"1\\d{2,4}\">" REFUSE, "<rule dialled=\"1\\d{2,3}\">" REFUSE, true },
	{ "<rule dialled=\"(1|2|3)(a|b)?\">" REFUSE, "<rule dialled=\"[1-3]b\">" REFUSE, true },
	{ "<rule dialled=\"(1|2|3)(a|b)?\">" REFUSE, "<rule dialled=\"[1-4]b\">" REFUSE, false },
	{ "<rule dialled=\"[^x]*\">" REFUSE, "<rule dialled=\"abc|def\">" REFUSE, true },
	{ "<rule dialled=\"[^x]*\">" REFUSE, "<rule dialled=\"abc|dxf\">" REFUSE, false },
	{ "<rule dialled=\"[ -~]*\">" REFUSE, "<rule dialled=\".\">" REFUSE, false },
	{ "<rule dialled=\"(?i)alice\">" REFUSE, "<rule dialled=\"ALICE\">" REFUSE, true },
	{ "<rule dialled=\"alice\">" REFUSE, "<rule dialled=\"(?i)alice\">" REFUSE, false },
	{ "<rule caller=\".*@example\\.org\">" REFUSE, "<rule caller=\"Bob@EXAMPLE\\.org\">" REFUSE, true },
	{ "<rule caller=\"[a-z]*\">" REFUSE, "<rule caller=\"sk\">" REFUSE, true },
	{ "<rule caller=\"[\\x20-\\x7e]*\">" REFUSE, "<rule caller=\"sk\">" REFUSE, false },
	{ "<rule caller=\"[ -J]*\">" REFUSE, "<rule caller=\"s\">" REFUSE, false },
	{ "<rule dialled=\"1(?=2)..\">" REFUSE, "<rule dialled=\"123\">" REFUSE, false }, /* not understood */
	{ "<rule dialled=\"1(?=2)..\">" REFUSE, "<rule dialled=\"1(?=2)..\" days=\"sat\">" REFUSE, true },
	{ "<rule dialled=\"a++b\">" REFUSE, "<rule dialled=\"ab\">" REFUSE, false }, /* not understood */
	{ "<rule from=\"08:00\" to=\"18:00\">" REFUSE, "<rule from=\"09:00\" to=\"17:00\">" REFUSE, true },
	{ "<rule from=\"08:00\" to=\"18:00\">" REFUSE, "<rule from=\"09:00\" to=\"18:01\">" REFUSE, false },
	{ "<rule from=\"22:00\" to=\"06:00\">" REFUSE, "<rule from=\"02:00\" to=\"03:00\">" REFUSE, true },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"fri\">" REFUSE,
	  "<rule from=\"02:00\" to=\"03:00\" days=\"sat\">" REFUSE, true },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"fri\">" REFUSE,
	  "<rule from=\"02:00\" to=\"03:00\" days=\"fri\">" REFUSE, false },
	{ "<rule days=\"mon-sun\">" REFUSE, "<rule>" REFUSE, true },
	{ "<rule days=\"sat-mon\">" REFUSE, "<rule days=\"sun\">" REFUSE, true },
	{ "<rule days=\"sat-mon\">" REFUSE, "<rule days=\"tue\">" REFUSE, false },
	{ "<rule original=\".*\">" REFUSE, "<rule original=\"1\">" REFUSE, true },
	{ "<rule original=\".*\">" REFUSE, "<rule>" REFUSE, false }, /* not sent on */
	{ "<rule>" REFUSE, "<rule diverted=\"1\" original=\"2\">" REFUSE, true },
	{ "<rule diverted=\"1.\">" REFUSE, "<rule diverted=\"12\" dialled=\"3\">" REFUSE, true },
	{ "<rule diverted=\"1.\">" REFUSE, "<rule original=\"12\">" REFUSE, false },
	{ "<rule diverted=\"1.\" original=\"3\">" REFUSE, "<rule diverted=\"12\">" REFUSE, false },
	/* one that may find no conference leaves something over, one that creates does not */
	{ "<rule><conference/></rule>", "<rule>" REFUSE, false },
	{ "<rule><conference create=\"yes\"/></rule>", "<rule>" REFUSE, true },
	{ "<rule><address uri=\"sip:a@b\"/></rule>", "<rule>" REFUSE, true },
};

static void test_reach(void **state)
{
	static const char covered[] = "t.xml:4: this rule is never reached: the one on line 3 takes "
		"everything it matches, move it before that one or remove it\n";

	(void)state;
	for (size_t i = 0; i < sizeof(reaches) / sizeof(reaches[0]); i++) {
		char text[1024], *said;
		struct config *c = NULL;
		int err;

		snprintf(text, sizeof(text), PLAN("%s\n%s"), reaches[i].first, reaches[i].second);
		err = parse(&c, text, strlen(text), &said);
		if (strcmp(said, reaches[i].covered ? covered : ""))
			print_error("%s\n%s\n", text, said);
		assert_string_equal(said, reaches[i].covered ? covered : "");
		assert_int_equal(err, reaches[i].covered ? -EINVAL : 0);
		ref_drop(c);
		free(said);
	}
}

/* ---- whole files ------------------------------------------------------------------------------ */

static void assert_profile_default(const struct conf_profile *p)
{
	static const char *const audio[] = { "opus", "G722", "PCMU", "PCMA", "G729", "L16" };
	static const char *const video[] = { "H264", "VP8", "H263-1998", "H263", "H261" };

	assert_non_null(p);
	assert_int_equal(p->width, 1280);
	assert_int_equal(p->height, 720);
	assert_int_equal(p->fps, 30);
	assert_int_equal(p->bandwidth, 2000);
	assert_int_equal(p->n_audio_codecs, 6);
	for (int i = 0; i < 6; i++)
		assert_string_equal(p->audio_codecs[i], audio[i]);
	assert_true(p->gain);
	assert_int_equal(p->n_video_codecs, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(p->video_codecs[i], video[i]);
	assert_int_equal(p->encryption, ENCRYPTION_PREFERRED);
	assert_true(p->video);
	assert_int_equal(p->silence_s, 30);
	assert_int_equal(p->session_expires_s, 1800);
}

static void assert_network_default(const struct conf_network *n)
{
	static const struct conf_listen listen[] = {
		{ .transport = CONF_UDP, .address = "*", .port = 5060 },
		{ .transport = CONF_UDP, .address = "::", .port = 5060 },
		{ .transport = CONF_TCP, .address = "*", .port = 5060 },
		{ .transport = CONF_TCP, .address = "::", .port = 5060 },
		{ .transport = CONF_TLS, .address = "*", .port = 5061 },
		{ .transport = CONF_TLS, .address = "::", .port = 5061 },
	};

	assert_int_equal(n->n_listen, 6);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(n->listen[i].transport, listen[i].transport);
		assert_string_equal(n->listen[i].address, listen[i].address);
		assert_int_equal(n->listen[i].port, listen[i].port);
	}
	assert_null(n->advertised);
	assert_null(n->media_address);
	assert_int_equal(n->media_port_min, 20000);
	assert_int_equal(n->media_port_max, 29999);
	assert_null(n->tls_certificate);
	assert_null(n->tls_key);
	assert_string_equal(n->control_socket, "/run/balai/control");
	assert_int_equal(n->workers, 0);
	assert_int_equal(n->max_calls, 0);
}

static void test_default(void **state)
{
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load(&c, NULL, stderr), 0);
	assert_string_equal(c->source, "built-in");
	assert_network_default(&c->network);
	assert_int_equal(c->n_profile, 1);
	assert_profile_default(config_profile(c, "default"));
	assert_int_equal(c->n_conference, 0);
	assert_int_equal(c->n_rule, 2);
	assert_true(c->rule[0].create);
	assert_string_equal(c->rule[0].conference_profile, "default");
	assert_ptr_equal(c->rule[0].create_as.profile, config_profile(c, "default"));
	assert_int_equal(c->rule[1].action, RULE_REFUSE);
	assert_int_equal(c->rule[1].code, 404);
	ref_drop(c);
}

static void test_empty(void **state)
{
	const char *text = "<balai xmlns=\"urn:balai:config:1\"/>";
	struct config *c = NULL;
	char *said;

	(void)state;
	assert_int_equal(parse(&c, text, strlen(text), &said), 0);
	assert_string_equal(said, "");
	assert_network_default(&c->network);
	assert_profile_default(config_profile(c, "default"));
	assert_null(config_profile(c, "other"));
	assert_int_equal(c->n_rule, 1);
	assert_int_equal(c->network.n_trusted, 0);
	assert_true(c->network.transfers.accept);
	assert_int_equal(c->network.transfers.per_call, 5);
	assert_false(config_trusts(c, "127.0.0.1"));
	assert_false(config_transfer_host(c, "localhost"));
	ref_drop(c);
	free(said);
}

static void test_peers(void **state)
{
	static const struct { const char *address; bool trusted; } rows[] = {
		{ "192.0.2.10", true }, { "192.0.2.11", false }, { "::ffff:192.0.2.10", true },
		{ "10.127.255.255", true }, { "10.128.0.0", false }, { "9.255.255.255", false },
		{ "2001:db8:0:7fff::1", true }, { "2001:db8:0:8000::1", false }, { "::", false },
		{ "", false }, { "pbx", false }, { "192.0.2.10 ", false },
	};
	const char *text = FILE_OF("<network><trusted address=\"192.0.2.10\"/><trusted "
				   "address=\"10.0.0.0/9\"/><trusted address=\"2001:db8::/49\"/>"
				   "<transfers hosts=\"PBX.example.org 10.0.0.5\" per-call=\"2\"/></network>");
	struct config *c = NULL;
	char *said;

	(void)state;
	assert_int_equal(parse(&c, text, strlen(text), &said), 0);
	assert_string_equal(said, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (config_trusts(c, rows[i].address) != rows[i].trusted)
			fail_msg("%s", rows[i].address);
	assert_true(c->network.transfers.accept);
	assert_int_equal(c->network.transfers.per_call, 2);
	assert_true(config_transfer_host(c, "pbx.EXAMPLE.org"));
	assert_true(config_transfer_host(c, "10.0.0.5"));
	assert_false(config_transfer_host(c, "example.org"));
	ref_drop(c);
	free(said);
}

/* Everything at once, and in an order in which nobody would write it. */
static const char everything[] =
	"<?xml version=\"1.0\"?>\n"
	"<b:balai xmlns:b=\"urn:balai:config:1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"\n"
	"  xsi:schemaLocation=\"urn:balai:config:1 balai.xsd\">\n"
	" <!-- a comment --><?and an instruction?>\n"
	" <b:dial-plan>\n"
	"  <b:rule dialled='9(\\d+)' caller='.*@example\\.org' transport='tls' from='22:00' to='06:00'\n"
	"    days='mon-wed sat'><b:address uri='sip:$1@pbx'/></b:rule>\n"
	"  <b:rule dialled='5...'><b:conference number='$0' create='yes' like='hall'/></b:rule>\n"
	"  <b:rule dialled='6...'><b:conference create='yes' profile='hd'/></b:rule>\n"
	"  <b:rule from='18:00'><b:refuse code='480'/></b:rule>\n"
	"  <b:rule><b:conference/></b:rule>\n"
	"  <b:rule><b:refuse code='603' reason='Nein &amp; nochmals nein'/></b:rule>\n"
	" </b:dial-plan>\n"
	" <b:conferences>\n"
	"  <b:conference number='700' name='Große Runde' profile='hd' encryption='required' layout='1+5'\n"
	"    self='auto' crop='yes' labels='no' audio-only='tile' max-participants='25' tones='8'/>\n"
	"  <b:conference number='hall' template='yes' layout='speaker' self='yes'/>\n"
	" </b:conferences>\n"
	" <b:profiles>\n"
	"  <b:profile name='hd' encryption='preferred' silence='0' session-expires='90'>\n"
	"   <b:video codecs='VP8' width='1920' height='1080' fps='25' bandwidth='4000'/>\n"
	"   <b:audio codecs='G722 opus G729' gain='off'/>\n"
	"  </b:profile>\n"
	"  <b:profile name='default'><b:video enabled='no'/></b:profile>\n"
	" </b:profiles>\n"
	" <b:layouts>\n"
	"  <b:layout name='hörsaal' columns='10' rows='8'>\n"
	"   <b:place x='0' y='0' width='10' height='8' role='speaker'/>\n"
	"   <b:place x='7' y='5' width='3' height='3' role='fixed' name='Pult' caller='dozent@.*'/>\n"
	"   <b:place x='0' y='7'/>\n"
	"  </b:layout>\n"
	" </b:layouts>\n"
	" <b:network>\n"
	"  <b:limits workers='3' max-calls='40'/>\n"
	"  <b:control socket='/tmp/c'/>\n"
	"  <b:tls certificate='/etc/a.pem' key='b.pem'/>\n"
	"  <b:media address='2001:db8::1' ports='any'/>\n"
	"  <b:advertised address='203.0.113.5'/>\n"
	"  <b:listen transport='tcp' address='127.0.0.1' port='0'/>\n"
	"  <b:listen transport='tls'/>\n"
	" </b:network>\n"
	"</b:balai>\n";

static void assert_everything_network(const struct conf_network *n)
{
	assert_int_equal(n->n_listen, 2);
	assert_int_equal(n->listen[0].transport, CONF_TCP);
	assert_string_equal(n->listen[0].address, "127.0.0.1");
	assert_int_equal(n->listen[0].port, 0);
	assert_int_equal(n->listen[0].line, 39);
	assert_int_equal(n->listen[1].transport, CONF_TLS);
	assert_string_equal(n->listen[1].address, "*");
	assert_int_equal(n->listen[1].port, 5061);
	assert_string_equal(n->advertised, "203.0.113.5");
	assert_string_equal(n->media_address, "2001:db8::1");
	assert_int_equal(n->media_port_min, 0);
	assert_int_equal(n->media_port_max, 0);
	assert_string_equal(n->tls_certificate, "/etc/a.pem");
	assert_string_equal(n->tls_key, "b.pem");
	assert_string_equal(n->control_socket, "/tmp/c");
	assert_int_equal(n->workers, 3);
	assert_int_equal(n->max_calls, 40);
}

static void assert_everything_layouts(const struct config *c)
{
	const struct conf_layout *l = config_layout(c, "hörsaal");
	const struct conf_place *p;

	assert_int_equal(c->n_layout, 1);
	assert_ptr_equal(l, c->layout);
	assert_null(config_layout(c, "auto"));
	assert_int_equal(l->columns, 10);
	assert_int_equal(l->rows, 8);
	assert_int_equal(l->n_place, 3);
	p = l->place;
	assert_int_equal(p[0].role, ROLE_SPEAKER);
	assert_int_equal(p[0].width * 100 + p[0].height, 1008);
	assert_false(conf_place_takes(&p[0], "dozent@uni"));
	assert_int_equal(p[1].role, ROLE_FIXED);
	assert_int_equal(p[1].x * 10 + p[1].y, 75);
	assert_string_equal(p[1].name, "Pult");
	assert_true(conf_place_takes(&p[1], "Dozent@uni"));
	assert_false(conf_place_takes(&p[1], "student@uni"));
	assert_int_equal(p[2].role, ROLE_OTHER);
	assert_int_equal(p[2].width * 10 + p[2].height, 11);
	assert_null(p[2].name);
}

static void assert_everything_meeting(const struct config *c)
{
	const struct conf_profile *p = config_profile(c, "hd");
	const struct conf_conference *m = config_conference(c, "700");

	assert_int_equal(c->n_profile, 2);
	assert_int_equal(p->width, 1920);
	assert_int_equal(p->height, 1080);
	assert_int_equal(p->fps, 25);
	assert_int_equal(p->bandwidth, 4000);
	assert_int_equal(p->n_audio_codecs, 3);
	assert_false(p->gain);
	assert_string_equal(p->audio_codecs[2], "G729");
	assert_int_equal(p->n_video_codecs, 1);
	assert_string_equal(p->video_codecs[0], "VP8");
	assert_int_equal(p->silence_s, 0);
	assert_int_equal(p->session_expires_s, 90);
	assert_false(config_profile(c, "default")->video);
	assert_string_equal(m->name, "Große Runde");
	assert_ptr_equal(m->profile, p);
	assert_int_equal(m->encryption, ENCRYPTION_REQUIRED);
	assert_string_equal(m->layout, "1+5");
	assert_int_equal(m->self, SELF_AUTO);
	assert_true(m->crop);
	assert_false(m->labels);
	assert_int_equal(m->audio_only, AUDIO_ONLY_TILE);
	assert_int_equal(m->max_participants, 25);
	assert_int_equal(m->tones, 8);
	assert_int_equal(m->line, 15);
	assert_null(config_conference(c, "hall")); /* a template */
	assert_null(config_conference(c, "701"));
}

static void assert_everything_plan(const struct config *c)
{
	const struct conf_rule *r = c->rule;

	assert_int_equal(c->n_rule, 6);
	assert_int_equal(r[0].line, 6);
	assert_string_equal(r[0].dialled, "9(\\d+)");
	assert_string_equal(r[0].caller, ".*@example\\.org");
	assert_int_equal(r[0].transport, CONF_TLS);
	assert_int_equal(r[0].from_minute, 22 * 60);
	assert_int_equal(r[0].to_minute, 6 * 60);
	assert_int_equal(r[0].days, 0x27);
	assert_int_equal(r[0].action, RULE_ADDRESS);
	assert_string_equal(r[0].target, "sip:$1@pbx");
	assert_true(r[1].create);
	assert_string_equal(r[1].conference_profile, "default");
	assert_string_equal(r[1].create_as.layout, "speaker");
	assert_true(r[1].create_as.labels);
	assert_int_equal(r[1].create_as.audio_only, AUDIO_ONLY_COUNT);
	assert_int_equal(r[1].create_as.self, SELF_YES);
	assert_null(r[1].create_as.number);
	assert_null(r[1].create_as.name);
	assert_false(r[1].create_as.template_);
	assert_string_equal(r[2].conference_profile, "hd");
	assert_string_equal(r[2].create_as.layout, "auto");
	assert_string_equal(r[2].target, "$0");
	assert_int_equal(r[3].from_minute, 18 * 60);
	assert_int_equal(r[3].to_minute, 24 * 60);
	assert_string_equal(r[3].reason, "Temporarily Unavailable");
	assert_int_equal(r[4].from_minute, -1);
	assert_int_equal(r[4].transport, -1);
	assert_int_equal(r[4].days, 0);
	assert_false(r[4].create);
	assert_int_equal(r[5].code, 603);
	assert_string_equal(r[5].reason, "Nein & nochmals nein");
}

static void test_everything(void **state)
{
	struct config *c = NULL;
	long live = ref_live();
	char *said;

	(void)state;
	assert_int_equal(parse(&c, everything, strlen(everything), &said), 0);
	assert_string_equal(said, "");
	assert_string_equal(c->source, "t.xml");
	assert_everything_network(&c->network);
	assert_everything_layouts(c);
	assert_everything_meeting(c);
	assert_everything_plan(c);
	assert_int_equal(ref_live(), live + 1);
	ref_drop(c);
	assert_int_equal(ref_live(), live);
	free(said);
}

/* Cut off anywhere, the file is refused and nothing leaks. */
static void test_cut(void **state)
{
	size_t len = strlen(everything) - strlen("</b:balai>\n");

	(void)state;
	for (size_t i = 0; i < len; i += 7) {
		struct config *c = NULL;
		char *said;

		assert_int_equal(parse(&c, everything, i, &said), -EINVAL);
		assert_int_equal(strncmp(said, "t.xml:", 6), 0);
		assert_null(c);
		free(said);
	}
}

static void test_large(void **state)
{
	char *text = malloc(CONF_MAX_BYTES + 1), *said;
	struct config *c = NULL;

	(void)state;
	memset(text, ' ', CONF_MAX_BYTES + 1);
	memcpy(text, "<balai xmlns=\"urn:balai:config:1\">", 34);
	memcpy(text + CONF_MAX_BYTES - 8, "</balai>", 8);
	assert_int_equal(parse(&c, text, CONF_MAX_BYTES, &said), 0);
	ref_drop(c);
	free(said);
	c = NULL;
	assert_int_equal(parse(&c, text, CONF_MAX_BYTES + 1, &said), -EINVAL);
	assert_string_equal(said, "t.xml:1: the file is larger than 1024 KiB, shorten it\n");
	assert_null(c);
	free(said);
	free(text);
}

static void test_many_mistakes(void **state)
{
	char *text = NULL, *said, *end;
	struct config *c = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("<balai xmlns=\"urn:balai:config:1\"><dial-plan>\n", f);
	for (int i = 0; i < 250; i++)
		fprintf(f, "<rule from=\"08:00\" to=\"09:00\" dialled=\"%d\"><refuse/></rule>\n", i);
	fputs("</dial-plan></balai>\n", f);
	fclose(f);
	assert_int_equal(parse(&c, text, len, &said), -EINVAL);
	end = strstr(said, "t.xml: and ");
	assert_non_null(end);
	assert_string_equal(end, "t.xml: and 150 more\n");
	free(said);
	free(text);
}

static void test_too_many(void **state)
{
	char *text = NULL, *said;
	struct config *c = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("<balai xmlns=\"urn:balai:config:1\"><dial-plan>\n", f);
	for (int i = 0; i < CONF_MAX_RULES + 1; i++)
		fprintf(f, "<rule dialled=\"%d\"><refuse code=\"403\"/></rule>\n", i);
	fputs("</dial-plan></balai>\n", f);
	fclose(f);
	assert_int_equal(parse(&c, text, len, &said), -EINVAL);
	assert_string_equal(said, "t.xml:1: 1001 rules, write at most 1000\n");
	free(said);
	free(text);
}

/* ---- the surroundings ---------------------------------------------------------------------------- */

static char dir[64];

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/balai-conf-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "c.xml", "cert.pem", "key.pem", "open.pem", "ports" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* What config_load says of a file in `dir`, whose name is written as DIR. */
static int load(struct config **out, const char *text, char said[4096])
{
	size_t n = 0, len = strlen(dir);
	char path[128], *raw = NULL, *p = said;
	FILE *f = open_memstream(&raw, &n);
	int err;

	write_file("c.xml", text, 0600);
	snprintf(path, sizeof(path), "%s/c.xml", dir);
	err = config_load(out, path, f);
	fclose(f);
	for (const char *r = raw; *r && p < said + 4000;) {
		if (!strncmp(r, dir, len)) {
			memcpy(p, "DIR", 3);
			p += 3;
			r += len;
		} else {
			*p++ = *r++;
		}
	}
	*p = '\0';
	free(raw);
	return err;
}

static void test_tls_files(void **state)
{
	struct config *c = NULL;
	char said[4096], path[128];

	(void)state;
	write_file("cert.pem", "x", 0644);
	write_file("key.pem", "x", 0600);
	write_file("open.pem", "x", 0644);
	assert_int_equal(load(&c, NETWORK("<media ports='any'/><tls certificate='cert.pem' key='key.pem'/>"),
			      said), 0);
	assert_string_equal(said, "");
	snprintf(path, sizeof(path), "%s/cert.pem", dir);
	assert_string_equal(c->network.tls_certificate, path);
	c = ref_drop(c);
	assert_int_equal(load(&c, NETWORK("<media ports='any'/><tls certificate='cert.pem' key='open.pem'/>"),
			      said), 0);
	assert_string_equal(said, "DIR/c.xml:2: warning: everybody on this machine can read the key "
			    "\"DIR/open.pem\", chmod o-rwx it\n");
	c = ref_drop(c);
	assert_int_equal(load(&c, NETWORK("<media ports='any'/>\n<tls\ncertificate='/'\nkey='no.pem'/>"),
			      said), -EINVAL);
	assert_string_equal(said,
			    "DIR/c.xml:4: certificate \"/\" is not a file, write the name of a PEM file\n"
			    "DIR/c.xml:5: key \"DIR/no.pem\": No such file or directory, write the name of a "
			    "PEM file that can be read\n");
	assert_null(c);
}

static void test_no_file(void **state)
{
	struct config *c = NULL;
	char *said = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&said, &n);

	(void)state;
	assert_int_equal(config_load(&c, "/nowhere/c.xml", f), -ENOENT);
	fclose(f);
	assert_string_equal(said, "/nowhere/c.xml:1: cannot be read: No such file or directory, write the "
			    "name of a file that can\n");
	assert_int_equal(config_load(&c, "/", NULL), -EISDIR);
	assert_null(c);
	free(said);
}

/* A reload that fails leaves what was there. */
static void test_reload(void **state)
{
	struct config *c = NULL, *before;
	char said[4096];

	(void)state;
	assert_int_equal(load(&c, NETWORK("<media ports='any'/>"), said), 0);
	before = c;
	assert_int_equal(load(&c, NETWORK("<media ports='no'/>"), said), -EINVAL);
	assert_ptr_equal(c, before);
	assert_int_equal(c->network.media_port_max, 0);
	ref_drop(c);
}

static void test_ephemeral(void **state)
{
	static const struct { const char *system, *ports; bool warned; } rows[] = {
		{ "32768\t60999\n", "20000-29999", false },
		{ "32768\t60999\n", "30000-32767", false },
		{ "32768\t60999\n", "30000-32769", true },
		{ "32768\t60999\n", "61000-65535", false },
		{ "32768\t60999\n", "60998-65535", true },
		{ "32768\t60999\n", "40000-40999", true },
		{ "32768\t60999\n", "any", false },
		{ "rubbish", "40000-40999", false },
	};
	char path[128];
	const struct conf_surroundings around = { path, false };

	(void)state;
	snprintf(path, sizeof(path), "%s/ports", dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256], *said = NULL;
		struct config *c = NULL;
		size_t n = 0;
		FILE *f = open_memstream(&said, &n);

		write_file("ports", rows[i].system, 0600);
		snprintf(text, sizeof(text), NETWORK("\n<media ports=\"%s\"/>"), rows[i].ports);
		assert_int_equal(conf_parse(&c, text, strlen(text), "t.xml", f, &around), 0);
		fclose(f);
		if (rows[i].warned) {
			char want[512];

			snprintf(want, sizeof(want), "t.xml:3: warning: media ports %s overlap with "
				 "32768-60999, which the system gives to outgoing connections, write a range "
				 "outside or change net.ipv4.ip_local_port_range\n", rows[i].ports);
			assert_string_equal(said, want);
		} else {
			assert_string_equal(said, "");
		}
		ref_drop(c);
		free(said);
	}
}

static void test_warnings(void **state)
{
	static const struct broken rows[] = {
		{ NETWORK("<media ports=\"20000-20099\"/><limits max-calls=\"30\"/>"),
		  "t.xml:2: warning: 30 calls take up to 120 media ports and there are 100, write a larger "
		  "range of ports or at most 25 calls\n" },
		{ NETWORK("<listen transport=\"udp\" port=\"20020\"/>"),
		  "t.xml:2: warning: udp port 20020 is one of the media ports, write another one or another "
		  "range\n" },
		{ FILE_OF("<conferences><conference number=\"1\"/></conferences><dial-plan/>"),
		  "t.xml:2: warning: no rule leads to conference \"1\", write one such as "
		  "<rule><conference number=\"$0\"/></rule>\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;
		char *said;

		assert_int_equal(parse(&c, rows[i].text, strlen(rows[i].text), &said), 0);
		assert_string_equal(said, rows[i].said);
		ref_drop(c);
		free(said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_whole),
		cmocka_unit_test(test_broken_network),
		cmocka_unit_test(test_broken_meeting),
		cmocka_unit_test(test_broken_plan),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test_setup_teardown(test_tls_files, make_dir, remove_dir),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test_setup_teardown(test_reload, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_ephemeral, make_dir, remove_dir),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
