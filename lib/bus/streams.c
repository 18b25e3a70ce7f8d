/* Streams and buckets on the server: ensured, purged, asked. */
#include "bus/streams.h"

#include <stdlib.h>

#include "base/base64.h"
#include "bus/api.h"
#include "bus/internal.h"
#include "bus/stream_config.h"
#include "json/writer.h"

#include "base/poison.h"

/* ---- ensuring ---- */

static void print_p(char **text)
{
    cJSON_free(*text);
}

static ov_status call(ov_bus *bus, const char *verb, const char *stream, ov_str body, cJSON **ret, int *number,
                      ov_err *err)
{
    char subject[400];
    snprintf(subject, sizeof subject, "STREAM.%s.%s", verb, stream);
    return ov_bus_api(bus, subject, body, OV_BUS_API_MS, ret, number, err);
}

static ov_status create(ov_bus *bus, const ov_bus_stream *want, const char *name, ov_err *err)
{
    OV_CLEANUP(print_p) char *body = NULL;
    ov_status s = ov_bus_stream_config(want, &body, err);
    if (s) return s;
    OV_CLEANUP(ov_json_tree_p) cJSON *created = NULL;
    int number = 0;
    s = call(bus, "CREATE", name, ov_str_of(body), &created, &number, err);
    /* Somebody else was first, with other fields: seen on the next round. */
    if (number == OV_BUS_ERR_NAME_IN_USE) return OV_RETRY;
    return s;
}

static ov_status update(ov_bus *bus, const ov_bus_stream *want, const char *name, const cJSON *info, ov_err *err)
{
    const cJSON *found = ov_json_member(info, "config");
    if (!cJSON_IsObject(found)) return ov_fail(err, OV_RETRY, "stream %s: the server told no configuration", name);
    OV_CLEANUP(ov_json_tree_p) cJSON *config = cJSON_Duplicate(found, true);
    bool changed = false;
    ov_status s = ov_bus_stream_patch(want, config, &changed, err);
    if (s || !changed) return s;
    OV_CLEANUP(print_p) char *body = ov_bus_stream_print(config);
    OV_CLEANUP(ov_json_tree_p) cJSON *updated = NULL;
    return call(bus, "UPDATE", name, ov_str_of(body), &updated, NULL, err);
}

ov_status ov_bus_stream_ensure(ov_bus *bus, const ov_bus_stream *want, ov_err *err)
{
    enum { ROUNDS = 3 };
    char name[OV_BUS_STREAM_NAME];
    ov_status s = ov_bus_stream_name(want, name, err);
    for (int round = 0; !s && round < ROUNDS; round++) {
        OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
        s = call(bus, "INFO", name, OV_STR(""), &info, NULL, err);
        if (!s) return update(bus, want, name, info, err);
        if (s != OV_NOT_FOUND) return s;
        s = create(bus, want, name, err);
        if (s != OV_RETRY) return s;
        if (ov_bus_is_up(bus)) s = OV_OK; /* look again */
    }
    return s ? s : OV_RETRY;
}

/* ---- the rest ---- */

static ov_status check_name(const char *stream, ov_err *err)
{
    if (stream && ov_bus_name_is_valid(stream)) return OV_OK;
    return ov_fail(err, OV_INVALID, "stream \"%.100s\": expected a name", stream ? stream : "");
}

/* {"<member>": "<subject>"}, with "seq" when it is not 0 */
static ov_status subject_body(const char *member, const char *subject, uint64_t seq, ov_buf *out, ov_err *err)
{
    if (!subject || !ov_bus_subject_is_valid(subject, true))
        return ov_fail(err, OV_INVALID, "stream: subject \"%.100s\": expected tokens", subject ? subject : "");
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, member, subject);
    if (seq) ov_json_write_i64(&w, "seq", (int64_t)seq);
    ov_json_close_object(&w);
    return ov_buf_finish(out, "stream: subject", err);
}

ov_status ov_bus_stream_state(ov_bus *bus, const char *stream, ov_bus_stream_info *ret, ov_err *err)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    ov_status s = check_name(stream, err);
    if (!s) s = call(bus, "INFO", stream, OV_STR(""), &info, NULL, err);
    if (s) return s;
    const cJSON *state = ov_json_member(info, "state");
    *ret = (ov_bus_stream_info){.created = ov_bus_json_time(info, "created"),
                                .first_seq = (uint64_t)ov_bus_json_int(state, "first_seq"),
                                .last_seq = (uint64_t)ov_bus_json_int(state, "last_seq"),
                                .messages = (uint64_t)ov_bus_json_int(state, "messages")};
    return OV_OK;
}

static ov_status read_stored(ov_bus *bus, const cJSON *message, ov_bus_in **ret, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(128 * 1024 * 1024), headers = OV_BUF(1024 * 1024);
    OV_CLEANUP(ov_free_p) char *subject = ov_dup(ov_json_member_str(message, "subject"));
    if (!*subject || !ov_base64_decode(ov_json_member_str(message, "data"), &data) ||
        !ov_base64_decode(ov_json_member_str(message, "hdrs"), &headers))
        return ov_fail(err, OV_RETRY, "stored message: cannot be read");
    return ov_bus_in_stored(bus, subject, ov_buf_str(&headers), ov_buf_str(&data),
                            (uint64_t)ov_bus_json_int(message, "seq"), ov_bus_json_time(message, "time"), ret, err);
}

/* By the API and not by direct get, which a replica that lags may answer. */
ov_status ov_bus_last_message(ov_bus *bus, const char *stream, const char *subject, ov_bus_in **ret, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(8192);
    OV_CLEANUP(ov_json_tree_p) cJSON *answer = NULL;
    ov_status s = check_name(stream, err);
    if (!s) s = subject_body("last_by_subj", subject, 0, &body, err);
    if (!s) s = call(bus, "MSG.GET", stream, ov_buf_str(&body), &answer, NULL, err);
    if (s) return s;
    return read_stored(bus, ov_json_member(answer, "message"), ret, err);
}

/* ---- versions ---- */

static bool version_parse(const char *version, uint64_t out[3])
{
    ov_str rest = ov_str_of(version), part;
    for (int i = 0; i < 3; i++) {
        if (!ov_str_split(&rest, '.', &part)) return false;
        if (i == 2) part = ov_str_sub(part, 0, ov_str_find(part, '-', 0));
        if (!ov_str_to_u64(part, &out[i])) return false;
    }
    return true;
}

static bool is_before_2_10(const uint64_t v[3])
{
    return v[0] < 2 || (v[0] == 2 && v[1] < 10);
}

ov_status ov_bus_server_check(const char *version, unsigned replicas, ov_err *err)
{
    static const char *const broken[] = {"2.10.25", "2.10.26"};
    uint64_t v[3];
    if (!*version) return OV_OK; /* it told none */
    for (size_t i = 0; i < OV_COUNT(broken); i++)
        if (ov_str_eq(ov_str_of(version), ov_str_of(broken[i])))
            return ov_fail(err, OV_INVALID, "nats-server: %s: known to be broken: expected another version", version);
    if (!version_parse(version, v))
        return ov_fail(err, OV_INVALID, "nats-server: \"%.32s\": expected a version", version);
    if (replicas > 1 && is_before_2_10(v))
        return ov_fail(err, OV_INVALID, "nats-server: %s with %u replicas: expected 2.10.0 or newer", version,
                       replicas);
    return OV_OK;
}

/* ---- purging ---- */

/* A server before 2.10 that purges under a filter moves consumers which lag to the stream's end: what they have not
 * been given yet, of whatever subject, they never are (seen on 2.9.10). Deleting moves nobody. */
static bool purges_safely(ov_bus *bus)
{
    char version[32];
    uint64_t v[3];
    ov_bus_server_version(bus, version);
    return version_parse(version, v) && !is_before_2_10(v);
}

static ov_status purge_at_once(ov_bus *bus, const char *stream, const char *filter, uint64_t below, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(8192);
    OV_CLEANUP(ov_json_tree_p) cJSON *answer = NULL;
    ov_status s = subject_body("filter", filter, below, &body, err);
    if (!s) s = call(bus, "PURGE", stream, ov_buf_str(&body), &answer, NULL, err);
    return s;
}

/* The last message of one subject, if its sequence is below; 0: whichever it has. */
static ov_status delete_last(ov_bus *bus, const char *stream, const char *subject, uint64_t below, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(128);
    OV_CLEANUP(ov_json_tree_p) cJSON *answer = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *last = NULL;
    ov_status s = ov_bus_last_message(bus, stream, subject, &last, err);
    if (s == OV_NOT_FOUND) return OV_OK;
    if (s) return s;
    if (below && ov_bus_in_seq(last) >= below) return OV_OK;
    ov_buf_printf(&body, "{\"seq\":%llu,\"no_erase\":true}", (unsigned long long)ov_bus_in_seq(last));
    return call(bus, "MSG.DELETE", stream, ov_buf_str(&body), &answer, NULL, err);
}

static ov_status purge_each(ov_bus *bus, const char *stream, const char *filter, uint64_t below, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(8192);
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    ov_status s = subject_body("subjects_filter", filter, 0, &body, err);
    if (!s) s = call(bus, "INFO", stream, ov_buf_str(&body), &info, NULL, err);
    const cJSON *subjects = s ? NULL : ov_json_member(ov_json_member(info, "state"), "subjects");
    for (const cJSON *x = subjects ? subjects->child : NULL; x && !s; x = x->next)
        s = delete_last(bus, stream, x->string, below, err);
    return s;
}

static ov_status purge(ov_bus *bus, const char *stream, const char *filter, uint64_t below, ov_err *err)
{
    ov_status s = check_name(stream, err);
    if (s) return s;
    return purges_safely(bus) ? purge_at_once(bus, stream, filter, below, err)
                              : purge_each(bus, stream, filter, below, err);
}

ov_status ov_bus_stream_purge(ov_bus *bus, const char *stream, const char *filter, ov_err *err)
{
    return purge(bus, stream, filter, 0, err);
}

ov_status ov_bus_stream_purge_to(ov_bus *bus, const char *stream, const char *filter, uint64_t seq, ov_err *err)
{
    return purge(bus, stream, filter, seq + 1, err);
}
