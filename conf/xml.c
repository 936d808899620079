/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ From bytes to a document, and the document against the schema.
 * Nothing is fetched and no entity is defined: a file with a DOCTYPE is
 * refused before the first definition in it is read. */
#include "conf/read.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

static unsigned line_of(const xmlError *e)
{
	return e->line > 0 ? (unsigned)e->line : 1;
}

/* libxml2's text without its line end and the namespace in braces. */
static void plain_text(char *buf, size_t cap, const char *message)
{
	static const char space[] = "{" CONF_NAMESPACE "}";
	size_t n = 0;

	while (message && *message && n + 1 < cap) {
		if (!strncmp(message, space, sizeof(space) - 1))
			message += sizeof(space) - 1;
		else
			buf[n++] = *message++;
	}
	while (n && (buf[n - 1] == '\n' || buf[n - 1] == ' ' || buf[n - 1] == '.'))
		n--;
	buf[n] = '\0';
}

static void on_xml_error(void *arg, xmlErrorPtr e)
{
	xmlParserCtxtPtr ctxt = arg;
	struct conf_build *b = ctxt->_private;
	char text[512];

	if (b->stopped || e->level < XML_ERR_ERROR)
		return;
	if (e->code == XML_ERR_TAG_NAME_MISMATCH && e->str1 && e->str2) {
		conf_mistake(b, line_of(e), "</%s> where <%s> of line %d is open, write </%s> first",
			     e->str2, e->str1, e->int1, e->str1);
	} else {
		plain_text(text, sizeof(text), e->message);
		conf_mistake(b, line_of(e), "not well-formed XML (%s), repair it here or just before",
			     text);
	}
	b->stopped = true; /* what follows are consequences */
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id,
		       const xmlChar *system_id)
{
	xmlParserCtxtPtr ctxt = arg;
	struct conf_build *b = ctxt->_private;

	(void)name;
	(void)public_id;
	(void)system_id;
	conf_mistake(b, (unsigned)ctxt->input->line,
		     "a DOCTYPE and entities are not allowed, leave them out");
	b->stopped = true;
	xmlStopParser(ctxt);
}

static xmlDocPtr parse(struct conf_build *b)
{
	xmlParserCtxtPtr ctxt = xmlNewParserCtxt();
	xmlDocPtr doc = NULL;

	if (!ctxt) {
		b->error = -ENOMEM;
		return NULL;
	}
	ctxt->_private = b;
	ctxt->sax->serror = on_xml_error;
	ctxt->sax->internalSubset = on_doctype;
	doc = xmlCtxtReadMemory(ctxt, b->text, (int)b->len, NULL, NULL,
				XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES);
	if (doc && b->stopped) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	if (!doc && !b->n_mistakes && !b->error)
		conf_mistake(b, 1, "not XML, write <balai xmlns=\"" CONF_NAMESPACE "\"/>");
	xmlFreeParserCtxt(ctxt);
	return doc;
}

/* The reader says it better: of what it complained about, nothing more. */
static bool said_already(const struct conf_build *b, unsigned line)
{
	if (b->n_left_out)
		return true; /* who knows */
	for (unsigned i = 0; i < b->n_messages; i++)
		if (!b->message[i].warning && b->message[i].element_line == line)
			return true;
	return false;
}

static void on_schema_error(void *arg, xmlErrorPtr e)
{
	struct conf_build *b = arg;
	char text[512];

	if (said_already(b, line_of(e)))
		return;
	plain_text(text, sizeof(text), e->message);
	conf_mistake(b, line_of(e), "against the schema: %s", text);
}

static void validate(struct conf_build *b, xmlDocPtr doc)
{
	xmlSchemaParserCtxtPtr parser = NULL;
	xmlSchemaValidCtxtPtr valid = NULL;
	xmlSchemaPtr schema = NULL;
	const char *text = config_schema_xml();

	parser = xmlSchemaNewMemParserCtxt(text, (int)strlen(text));
	if (parser) {
		xmlSchemaSetParserStructuredErrors(parser, on_schema_error, b);
		schema = xmlSchemaParse(parser);
	}
	if (schema)
		valid = xmlSchemaNewValidCtxt(schema);
	if (valid) {
		xmlSchemaSetValidStructuredErrors(valid, on_schema_error, b);
		xmlSchemaValidateDoc(valid, doc);
	} else if (!b->n_mistakes) {
		b->error = -ENOMEM;
	}
	xmlSchemaFreeValidCtxt(valid);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
}

void conf_read_xml(struct conf_build *b)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	xmlDocPtr doc;

	pthread_once(&once, xmlInitParser);
	doc = parse(b);
	if (!doc)
		return;
	conf_read_root(b, xmlDocGetRootElement(doc));
	if (!b->stopped && !b->error)
		validate(b, doc);
	xmlFreeDoc(doc);
}
