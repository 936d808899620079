/* SPDX-License-Identifier: GPL-3.0-or-later
 * Broken configuration files, with the very words they get, and rules that can never
 * be reached. */
#include "tests/unit/config_text.h"

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
	{ NETWORK("<limits workers=\"300\" io-threads=\"0\" max-calls=\"many\"/>"),
	  "t.xml:2: workers=\"300\" is out of range, write one from 0 to 256\n"
	  "t.xml:2: io-threads=\"0\" is out of range, write one from 1 to 16\n"
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
	{ PROFILES("<profile name=\"a\" ice=\"full\"/>"),
	  "t.xml:2: ice=\"full\" is unknown, write off, answer or offer\n" },
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
	{ PROFILES("<profile name=\"a\" slides=\"recieve\"/>"),
	  "t.xml:2: slides=\"recieve\" is unknown, did you mean \"receive\"?\n" },
	{ CONFERENCES(NUMBER("slides=\"send\"")),
	  "t.xml:2: slides=\"send\" is unknown, write refuse or receive\n" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_whole),
		cmocka_unit_test(test_broken_network),
		cmocka_unit_test(test_broken_meeting),
		cmocka_unit_test(test_broken_plan),
		cmocka_unit_test(test_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
