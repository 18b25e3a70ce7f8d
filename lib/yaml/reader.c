/* The event reader: libyaml's events with limits, and aliases put where they refer to. */
#include "yaml/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "base/mem.h"
#include "yaml/record.h"

#include "base/poison.h"

enum {
    READ_AHEAD = 128 * 1024, /* what libyaml may hold beyond the event that it returns */
    SHOWN_MAX = 60
};

struct ov_yaml {
    yaml_parser_t parser;
    yaml_event_t event; /* the returned event's texts live here */
    bool has_event, ended;
    ov_yaml_read read;
    void *read_arg;
    ov_str text; /* what ov_yaml_new_text still has to give */
    ov_yaml_aliases aliases;
    size_t fed; /* bytes since the last event */
    size_t depth;
    struct {
        bool mapping, key; /* key: the next node is one */
    } levels[OV_YAML_DEPTH_MAX];
    ov_yaml_record record;
    ov_status failed;
    ov_err err;
};

/* libyaml's door. */
static int feed(void *arg, unsigned char *out, size_t size, size_t *ret_len)
{
    ov_yaml *y = arg;
    if (y->fed > OV_YAML_SCALAR_MAX + READ_AHEAD) {
        y->failed = ov_fail(&y->err, OV_INVALID, "line %zu: scalar of more than %d bytes", y->parser.mark.line + 1,
                            OV_YAML_SCALAR_MAX);
        return 0;
    }
    y->failed = y->read(y->read_arg, (char *)out, size, ret_len, &y->err);
    if (y->failed != OV_OK) return 0;
    y->fed += *ret_len;
    return 1;
}

static ov_status read_text(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    (void)err;
    ov_str *text = arg;
    *ret_len = text->len < max ? text->len : max;
    if (*ret_len) memcpy(out, text->ptr, *ret_len);
    *text = ov_str_sub(*text, *ret_len, text->len);
    return OV_OK;
}

ov_yaml *ov_yaml_new(ov_yaml_read read, void *arg, ov_yaml_aliases aliases)
{
    ov_yaml *y = ov_zalloc(sizeof *y);
    if (!yaml_parser_initialize(&y->parser)) abort();
    yaml_parser_set_input(&y->parser, feed, y);
    y->read = read;
    y->read_arg = arg;
    y->aliases = aliases;
    y->record.text = OV_BUF(OV_YAML_ANCHORED_MAX);
    return y;
}

ov_yaml *ov_yaml_new_text(ov_str text, ov_yaml_aliases aliases)
{
    ov_yaml *y = ov_yaml_new(read_text, NULL, aliases);
    y->text = text;
    y->read_arg = &y->text;
    return y;
}

static void drop_event(ov_yaml *y)
{
    if (y->has_event) yaml_event_delete(&y->event);
    y->has_event = false;
}

void ov_yaml_free(ov_yaml *y)
{
    if (!y) return;
    drop_event(y);
    yaml_parser_delete(&y->parser);
    ov_yaml_record_clear(&y->record);
    free(y);
}

void ov_yaml_free_p(ov_yaml **y)
{
    ov_yaml_free(*y);
    *y = NULL;
}

ov_status ov_yaml_fail(const ov_yaml_event *at, const char *what, ov_str text, ov_err *err)
{
    size_t end = text.len > SHOWN_MAX ? SHOWN_MAX : text.len;
    while (end < text.len && end && ((unsigned char)text.ptr[end] & 0xC0) == 0x80) end--;
    return ov_fail(err, OV_INVALID, "line %zu, column %zu: %s%s%.*s", at->line, at->column, what, text.len ? ": " : "",
                   OV_STR_ARG(ov_str_sub(text, 0, end)));
}

/* What libyaml complains about; what the read callback said stands already. */
static ov_status fail_parse(ov_yaml *y)
{
    if (y->failed != OV_OK) return y->failed;
    const yaml_parser_t *p = &y->parser;
    if (p->error == YAML_MEMORY_ERROR) abort();
    /* The reader's own errors (encoding, control characters) carry no mark. */
    const yaml_mark_t *mark = p->error == YAML_READER_ERROR ? &p->mark : &p->problem_mark;
    y->failed = ov_fail(&y->err, OV_INVALID, "line %zu, column %zu: %s%s%s", mark->line + 1, mark->column + 1,
                        p->problem ? p->problem : "not YAML", p->context ? " " : "", p->context ? p->context : "");
    return y->failed;
}

static ov_yaml_tag read_tag(const yaml_char_t *tag)
{
    static const struct {
        const char *name;
        ov_yaml_tag tag;
    } rows[] = {
        {"str", OV_YAML_TAG_STR},   {"int", OV_YAML_TAG_INT},       {"float", OV_YAML_TAG_FLOAT},
        {"bool", OV_YAML_TAG_BOOL}, {"null", OV_YAML_TAG_NULL},     {"merge", OV_YAML_TAG_MERGE},
        {"map", OV_YAML_TAG_NONE},  {"binary", OV_YAML_TAG_BINARY}, {"seq", OV_YAML_TAG_NONE},
    };
    static const char prefix[] = "tag:yaml.org,2002:";
    if (!tag) return OV_YAML_TAG_NONE;
    const char *name = (const char *)tag;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return OV_YAML_TAG_OTHER;
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        if (strcmp(name + sizeof prefix - 1, rows[i].name) == 0) return rows[i].tag;
    }
    return OV_YAML_TAG_OTHER;
}

static void take_scalar(const yaml_event_t *from, ov_yaml_event *to)
{
    to->type = OV_YAML_SCALAR;
    to->text = (ov_str){(const char *)from->data.scalar.value, from->data.scalar.length};
    to->tag = read_tag(from->data.scalar.tag);
    to->plain = from->data.scalar.plain_implicit && from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* libyaml's event as ours; the anchor's or alias's name, if any. */
static void translate(const yaml_event_t *from, ov_yaml_event *to, ov_str *ret_anchor)
{
    const yaml_char_t *anchor = NULL;
    *to = (ov_yaml_event){.line = from->start_mark.line + 1, .column = from->start_mark.column + 1};
    switch (from->type) {
    case YAML_DOCUMENT_START_EVENT:
        to->type = OV_YAML_DOCUMENT;
        break;
    case YAML_DOCUMENT_END_EVENT:
        to->type = OV_YAML_DOCUMENT_END;
        break;
    case YAML_MAPPING_START_EVENT:
        to->type = OV_YAML_MAPPING;
        anchor = from->data.mapping_start.anchor;
        break;
    case YAML_MAPPING_END_EVENT:
        to->type = OV_YAML_MAPPING_END;
        break;
    case YAML_SEQUENCE_START_EVENT:
        to->type = OV_YAML_SEQUENCE;
        anchor = from->data.sequence_start.anchor;
        break;
    case YAML_SEQUENCE_END_EVENT:
        to->type = OV_YAML_SEQUENCE_END;
        break;
    case YAML_SCALAR_EVENT:
        take_scalar(from, to);
        anchor = from->data.scalar.anchor;
        break;
    case YAML_ALIAS_EVENT:
        anchor = from->data.alias.anchor;
        break;
    default:
        to->type = OV_YAML_END;
    }
    *ret_anchor = ov_str_of((const char *)anchor);
}

static ov_status fail_event(ov_yaml *y, const ov_yaml_event *at, const char *what, ov_str text)
{
    y->failed = ov_yaml_fail(at, what, text, &y->err);
    return y->failed;
}

/* An alias becomes the first event of its node; the rest follows from the record. */
static ov_status follow_alias(ov_yaml *y, ov_str name, ov_yaml_event *e, size_t *ret_text_at)
{
    if (y->aliases == OV_YAML_REFUSE_ALIASES) return fail_event(y, e, "alias: not allowed here", name);
    switch (ov_yaml_record_replay(&y->record, name)) {
    case OV_OK:
        (void)ov_yaml_record_next(&y->record, e, ret_text_at);
        return OV_OK;
    case OV_NOT_FOUND:
        return fail_event(y, e, "alias without an anchor", name);
    case OV_INVALID:
        return fail_event(y, e, "alias to a node that it is part of", name);
    default:
        return fail_event(y, e, "aliases expand to more than a million nodes", name);
    }
}

static ov_status enter(ov_yaml *y, const ov_yaml_event *e)
{
    if (y->depth == OV_YAML_DEPTH_MAX) return fail_event(y, e, "nested too deeply", (ov_str){0});
    y->levels[y->depth].mapping = e->type == OV_YAML_MAPPING;
    y->levels[y->depth].key = true;
    y->depth++;
    return OV_OK;
}

/* Depth, keys and the document's bounds, for parsed and replayed events alike. */
static ov_status place(ov_yaml *y, ov_yaml_event *e)
{
    bool ends = e->type == OV_YAML_MAPPING_END || e->type == OV_YAML_SEQUENCE_END;
    bool node = e->type == OV_YAML_MAPPING || e->type == OV_YAML_SEQUENCE || e->type == OV_YAML_SCALAR;
    if (e->type == OV_YAML_DOCUMENT && y->record.anchor_count) ov_yaml_record_clear(&y->record);
    if (ends) y->depth--;
    e->depth = y->depth;
    e->key = false;
    if (node && y->depth && y->levels[y->depth - 1].mapping) {
        e->key = y->levels[y->depth - 1].key;
        y->levels[y->depth - 1].key = !e->key;
    }
    if (e->type == OV_YAML_MAPPING || e->type == OV_YAML_SEQUENCE) return enter(y, e);
    if (e->type == OV_YAML_SCALAR && e->text.len > OV_YAML_SCALAR_MAX)
        return fail_event(y, e, "scalar of more than 4 MiB", (ov_str){0});
    if (e->type == OV_YAML_SCALAR && e->text.len && memchr(e->text.ptr, '\0', e->text.len))
        return fail_event(y, e, "NUL character in a scalar", (ov_str){0});
    return OV_OK;
}

static ov_status take_event(ov_yaml *y, ov_yaml_event *e)
{
    ov_str anchor = {0};
    size_t text_at = SIZE_MAX;
    if (!ov_yaml_record_next(&y->record, e, &text_at)) {
        drop_event(y);
        do {
            if (!yaml_parser_parse(&y->parser, &y->event)) return fail_parse(y);
        } while (y->event.type == YAML_STREAM_START_EVENT);
        y->has_event = true;
        y->fed = 0;
        translate(&y->event, e, &anchor);
    }
    if (y->has_event && y->event.type == YAML_ALIAS_EVENT && anchor.len) {
        ov_status st = follow_alias(y, anchor, e, &text_at);
        if (st != OV_OK) return st;
        anchor.len = 0;
    }
    ov_status st = place(y, e);
    if (st != OV_OK) return st;
    if (anchor.len && y->aliases == OV_YAML_EXPAND_ALIASES) ov_yaml_record_anchor(&y->record, anchor, e->depth);
    if (!ov_yaml_record_add(&y->record, e, text_at)) return fail_event(y, e, "anchored nodes too large", anchor);
    y->ended = e->type == OV_YAML_END;
    return OV_OK;
}

ov_status ov_yaml_next(ov_yaml *y, ov_yaml_event *ret, ov_err *err)
{
    if (y->ended) {
        *ret = (ov_yaml_event){.type = OV_YAML_END};
        return OV_OK;
    }
    ov_yaml_event e = {0};
    if (y->failed == OV_OK && take_event(y, &e) == OV_OK) {
        *ret = e;
        return OV_OK;
    }
    if (err) *err = y->err;
    return y->failed;
}

ov_status ov_yaml_skip(ov_yaml *y, const ov_yaml_event *begun, ov_err *err)
{
    ov_yaml_event e = *begun;
    if (e.type != OV_YAML_MAPPING && e.type != OV_YAML_SEQUENCE) return OV_OK;
    size_t depth = begun->depth;
    do {
        ov_status st = ov_yaml_next(y, &e, err);
        if (st != OV_OK) return st;
    } while (e.depth > depth);
    return OV_OK;
}
