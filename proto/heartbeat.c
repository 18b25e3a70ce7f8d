/* Reads and writes signs of life, inventories and what an aggregator asks for in return. */
#include "proto/heartbeat.h"

#include <stdlib.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "proto/members.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum { DIGEST_DIGITS = REPORT_DIGEST_HEX - 1 };

typedef struct {
    heartbeat h;
    int64_t schema;
} heartbeat_wire;

static const ov_field bus_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(heartbeat_wire, schema)},
    {MEMBER_AGENT_ID, OV_FIELD_STRING, true, offsetof(heartbeat_wire, h.agent_id)},
    {MEMBER_AGENT_TAGS, OV_FIELD_OBJECT, false, offsetof(heartbeat_wire, h.tags)},
    {MEMBER_COUNT, OV_FIELD_I64, true, offsetof(heartbeat_wire, h.count)},
    {MEMBER_DIGEST, OV_FIELD_STRING, true, offsetof(heartbeat_wire, h.digest)},
    {MEMBER_FINGERPRINT, OV_FIELD_STRING, false, offsetof(heartbeat_wire, h.fingerprint)},
};
static const ov_field http_fields[] = {
    {MEMBER_AGENT_TAGS, OV_FIELD_OBJECT, false, offsetof(heartbeat_wire, h.tags)},
    {MEMBER_INSTANCE, OV_FIELD_STRING, true, offsetof(heartbeat_wire, h.instance)},
    {MEMBER_REVISION, OV_FIELD_I64, true, offsetof(heartbeat_wire, h.revision)},
    {MEMBER_COUNT, OV_FIELD_I64, true, offsetof(heartbeat_wire, h.count)},
    {MEMBER_DIGEST, OV_FIELD_STRING, true, offsetof(heartbeat_wire, h.digest)},
    {MEMBER_FINGERPRINT, OV_FIELD_STRING, false, offsetof(heartbeat_wire, h.fingerprint)},
    {MEMBER_INVENTORY, OV_FIELD_ARRAY, false, offsetof(heartbeat_wire, h.inventory)},
};

static bool is_instance(ov_str s)
{
    if (!s.len || s.len > INSTANCE_MAX) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!fine) return false;
    }
    return true;
}

ov_status instance_check(ov_str instance, const char *path, ov_err *err)
{
    if (is_instance(instance)) return OV_OK;
    ov_str shown = ov_str_sub(instance, 0, 40);
    return ov_fail(err, OV_INVALID, "%s: \"%.*s\": expected 1 to %d letters, digits or dashes", path, OV_STR_ARG(shown),
                   INSTANCE_MAX);
}

static ov_status heartbeat_check(heartbeat_form form, const heartbeat_wire *w, ov_err *err)
{
    const heartbeat *h = &w->h;
    ov_status st = nonnegative_check(h->count, "heartbeat: " MEMBER_COUNT, err);
    if (st == OV_OK) st = nonnegative_check(h->revision, "heartbeat: " MEMBER_REVISION, err);
    if (st == OV_OK) st = hex_check(h->digest, DIGEST_DIGITS, "heartbeat: " MEMBER_DIGEST, err);
    if (st == OV_OK) st = tags_check(h->tags, REPORT_TAGS_MAX, "heartbeat: " MEMBER_AGENT_TAGS, err);
    if (st != OV_OK) return st;
    if (form == HEARTBEAT_HTTP) return instance_check(h->instance, "heartbeat: " MEMBER_INSTANCE, err);
    st = schema_check(w->schema, "heartbeat", err);
    return st == OV_OK ? subject_id_check(h->agent_id, "heartbeat: " MEMBER_AGENT_ID, err) : st;
}

static void heartbeat_wire_clear(heartbeat_wire *w)
{
    heartbeat_clear(&w->h);
}

ov_status heartbeat_decode(heartbeat_form form, ov_str body, heartbeat *ret, ov_err *err)
{
    OV_CLEANUP(heartbeat_wire_clear) heartbeat_wire w = {0};
    const ov_field *fields = form == HEARTBEAT_BUS ? bus_fields : http_fields;
    size_t count = form == HEARTBEAT_BUS ? OV_COUNT(bus_fields) : OV_COUNT(http_fields);
    ov_status st = size_check(body, REPORT_BYTES_MAX, "heartbeat", err);
    if (st == OV_OK) st = ov_json_fields_of(body, fields, count, &w, &w.h.arena, "heartbeat: ", err);
    if (st == OV_OK) st = heartbeat_check(form, &w, err);
    if (st != OV_OK) return st;
    *ret = w.h;
    w.h = (heartbeat){0};
    return OV_OK;
}

void heartbeat_clear(heartbeat *h)
{
    ov_json_arena_clear(&h->arena);
    *h = (heartbeat){0};
}

void heartbeat_encode(heartbeat_form form, const heartbeat *h, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    if (form == HEARTBEAT_BUS) {
        schema_write(&w);
        ov_json_write_str(&w, MEMBER_AGENT_ID, h->agent_id);
    }
    member_write_raw(&w, MEMBER_AGENT_TAGS, h->tags);
    if (form == HEARTBEAT_HTTP) {
        ov_json_write_str(&w, MEMBER_INSTANCE, h->instance);
        ov_json_write_i64(&w, MEMBER_REVISION, h->revision);
    }
    ov_json_write_i64(&w, MEMBER_COUNT, h->count);
    ov_json_write_str(&w, MEMBER_DIGEST, h->digest);
    member_write_str(&w, MEMBER_FINGERPRINT, h->fingerprint);
    if (form == HEARTBEAT_HTTP) member_write_raw(&w, MEMBER_INVENTORY, h->inventory);
    ov_json_close_object(&w);
}

typedef struct {
    inventory i;
    int64_t schema;
    ov_str items;
} inventory_wire;

static const ov_field inventory_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(inventory_wire, schema)},
    {MEMBER_AGENT_ID, OV_FIELD_STRING, true, offsetof(inventory_wire, i.agent_id)},
    {MEMBER_ITEMS, OV_FIELD_ARRAY, true, offsetof(inventory_wire, items)},
};
static const ov_field item_fields[] = {
    {MEMBER_ID, OV_FIELD_STRING, true, offsetof(inventory_item, id)},
    {MEMBER_DIGEST, OV_FIELD_STRING, true, offsetof(inventory_item, digest)},
};

static ov_status inventory_items(ov_str array, inventory *i, ov_err *err)
{
    static const char path[] = "inventory: " MEMBER_ITEMS;
    ov_status st = items_decode(array, item_fields, OV_COUNT(item_fields), sizeof *i->items, INVENTORY_ITEMS_MAX,
                                &i->items, &i->count, &i->arena, path, err);
    for (size_t at = 0; st == OV_OK && at < i->count; at++) {
        st = subject_id_check(i->items[at].id, "inventory: " MEMBER_ITEMS "[]." MEMBER_ID, err);
        if (st == OV_OK)
            st = hex_check(i->items[at].digest, DIGEST_DIGITS, "inventory: " MEMBER_ITEMS "[]." MEMBER_DIGEST, err);
    }
    return st;
}

static void inventory_wire_clear(inventory_wire *w)
{
    inventory_clear(&w->i);
}

ov_status inventory_decode(ov_str body, inventory *ret, ov_err *err)
{
    OV_CLEANUP(inventory_wire_clear) inventory_wire w = {0};
    ov_status st = size_check(body, REPORT_BYTES_MAX, "inventory", err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, inventory_fields, OV_COUNT(inventory_fields), &w, &w.i.arena, "inventory: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "inventory", err);
    if (st == OV_OK) st = subject_id_check(w.i.agent_id, "inventory: " MEMBER_AGENT_ID, err);
    if (st == OV_OK) st = inventory_items(w.items, &w.i, err);
    if (st != OV_OK) return st;
    *ret = w.i;
    w.i = (inventory){0};
    return OV_OK;
}

ov_status inventory_decode_items(ov_str array, inventory *ret, ov_err *err)
{
    OV_CLEANUP(inventory_clear) inventory i = {0};
    ov_status st = inventory_items(array, &i, err);
    if (st != OV_OK) return st;
    *ret = i;
    i = (inventory){0};
    return OV_OK;
}

void inventory_clear(inventory *i)
{
    free(i->items);
    ov_json_arena_clear(&i->arena);
    *i = (inventory){0};
}

void inventory_encode(ov_str agent_id, const inventory_item *items, size_t count, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_AGENT_ID, agent_id);
    ov_json_open_array(&w, MEMBER_ITEMS);
    for (size_t i = 0; i < count; i++) {
        ov_json_open_object(&w, NULL);
        ov_json_write_str(&w, MEMBER_ID, items[i].id);
        ov_json_write_str(&w, MEMBER_DIGEST, items[i].digest);
        ov_json_close_object(&w);
    }
    ov_json_close_array(&w);
    ov_json_close_object(&w);
}

void inventory_digest_toggle(inventory_digest *d, ov_str id, ov_str report_digest_hex)
{
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256_pieces((ov_str[]){id, report_digest_hex}, 2, hash);
    for (size_t i = 0; i < sizeof d->bits; i++) d->bits[i] = (unsigned char)(d->bits[i] ^ hash[i]);
}

void inventory_digest_hex(const inventory_digest *d, char out[REPORT_DIGEST_HEX])
{
    ov_hex(d->bits, sizeof d->bits, out);
}

typedef struct {
    ask_report a;
    ov_str period, wanted;
} ask_wire;

static const ov_field ask_fields[] = {
    {MEMBER_REPORT_PERIOD, OV_FIELD_STRING, false, offsetof(ask_wire, period)},
    {MEMBER_WANTED, OV_FIELD_ARRAY, false, offsetof(ask_wire, wanted)},
    {MEMBER_INVENTORY_WANTED, OV_FIELD_BOOL, false, offsetof(ask_wire, a.inventory_wanted)},
};

static void ask_wire_clear(ask_wire *w)
{
    ask_report_clear(&w->a);
}

ov_status ask_report_decode(ov_str body, ask_report *ret, ov_err *err)
{
    OV_CLEANUP(ask_wire_clear) ask_wire w = {0};
    ask_report *a = &w.a;
    ov_status st = size_check(body, REPORT_BYTES_MAX, "ask", err);
    if (st == OV_OK) st = ov_json_fields_of(body, ask_fields, OV_COUNT(ask_fields), &w, &a->arena, "ask: ", err);
    if (st == OV_OK && w.period.len && ov_duration_parse(w.period, &a->report_period_ms, err) != OV_OK)
        st = ov_fail_in(err, OV_INVALID, "ask: " MEMBER_REPORT_PERIOD);
    if (st == OV_OK)
        st = strings_decode(w.wanted, INVENTORY_ITEMS_MAX, &a->wanted, &a->wanted_count, &a->arena,
                            "ask: " MEMBER_WANTED, err);
    if (st != OV_OK) return st;
    *ret = w.a;
    w.a = (ask_report){0};
    return OV_OK;
}

void ask_report_clear(ask_report *a)
{
    free(a->wanted);
    ov_json_arena_clear(&a->arena);
    *a = (ask_report){0};
}

void ask_report_encode(const ask_report *a, ov_buf *out)
{
    char period[OV_WALL_TEXT];
    ov_duration_format(a->report_period_ms, period);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_REPORT_PERIOD, period);
    ov_json_open_array(&w, MEMBER_WANTED);
    for (size_t i = 0; i < a->wanted_count; i++) ov_json_write_str(&w, NULL, a->wanted[i]);
    ov_json_close_array(&w);
    ov_json_write_bool(&w, MEMBER_INVENTORY_WANTED, a->inventory_wanted);
    ov_json_close_object(&w);
}
