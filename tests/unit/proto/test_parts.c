/* Parts: cut and joined again, in any order, damaged, superseded, too large. */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/parts.h"
#include "proto/subjects.h"
#include "support/check.h"

#include "base/poison.h"

enum { BODY_MAX = 1 << 20, LIMIT = 100, NOISE_BYTES = 2000 };

static const char subject[] = STATE_PREFIX "verdict.v";

/* Bytes that do not deflate much, the same ones for the same seed. */
static void make_noise(unsigned seed, char out[NOISE_BYTES])
{
    for (size_t i = 0; i < NOISE_BYTES; i++) {
        seed = seed * 1103515245u + 12345u;
        out[i] = (char)('!' + (seed >> 16) % 90);
    }
}

static ov_str join(parts_joiner *j, const parts_message *m)
{
    ov_str at, body;
    ov_err err = {0};
    CHECK_OK(parts_join(j, ov_str_of(m->subject), m->data, &at, &body, &err), &err);
    if (body.ptr) CHECK_STR(at, OV_STR(STATE_PREFIX "verdict.v"));
    return body;
}

static void small_bodies_go_whole(void)
{
    OV_CLEANUP(parts_clear) parts p = {0};
    check_case("small");
    parts_split(subject, OV_STR("{\"schema\":1}"), LIMIT, &p);
    CHECK_INT(p.count, 1);
    CHECK_C(p.revision, "");
    parts_joiner *j = parts_joiner_new(BODY_MAX, BODY_MAX);
    CHECK_STR(join(j, &p.messages[0]), OV_STR("{\"schema\":1}"));
    check_case("removal");
    parts_message gone = p.messages[0];
    gone.data = (ov_str){0};
    ov_str body = join(j, &gone);
    CHECK(body.ptr && !body.len);
    parts_joiner_free(j);
}

static void joins_in_order(bool backwards)
{
    char noise[NOISE_BYTES];
    make_noise(1, noise);
    OV_CLEANUP(parts_clear) parts p = {0};
    parts_split(subject, (ov_str){noise, sizeof noise}, LIMIT, &p);
    CHECK(p.count > 10);
    parts_joiner *j = parts_joiner_new(BODY_MAX, BODY_MAX);
    for (size_t i = 0; i < p.count; i++) {
        ov_str body = join(j, &p.messages[backwards ? p.count - 1 - i : i]);
        CHECK_INT(body.ptr != NULL, i + 1 == p.count);
        if (body.ptr) CHECK_STR(body, ((ov_str){noise, sizeof noise}));
    }
    check_case("the same manifest again says nothing new");
    CHECK(!join(j, &p.messages[p.count - 1]).ptr);
    check_case("after a reset it is read again");
    parts_joiner_reset(j);
    for (size_t i = 0; i + 1 < p.count; i++) CHECK(!join(j, &p.messages[i]).ptr);
    CHECK(join(j, &p.messages[p.count - 1]).ptr != NULL);
    parts_joiner_free(j);
}

static void damage_is_told(void)
{
    char noise[NOISE_BYTES], other[LIMIT];
    make_noise(2, noise);
    memset(other, 'x', sizeof other);
    OV_CLEANUP(parts_clear) parts p = {0};
    parts_split(subject, (ov_str){noise, sizeof noise}, LIMIT, &p);
    p.messages[3].data = (ov_str){other, sizeof other};
    parts_joiner *j = parts_joiner_new(BODY_MAX, BODY_MAX);
    ov_str at, body;
    ov_err err = {0};
    check_case("damaged");
    for (size_t i = 0; i + 1 < p.count; i++) CHECK(!join(j, &p.messages[i]).ptr);
    const parts_message *last = &p.messages[p.count - 1];
    CHECK_STATUS(parts_join(j, ov_str_of(last->subject), last->data, &at, &body, &err), OV_INVALID, &err);
    CHECK(!body.ptr);
    parts_joiner_free(j);
}

static void waiting_bytes_are_bounded(void)
{
    char noise[NOISE_BYTES];
    make_noise(4, noise);
    OV_CLEANUP(parts_clear) parts p = {0};
    parts_split(subject, (ov_str){noise, sizeof noise}, LIMIT, &p);
    parts_joiner *j = parts_joiner_new(BODY_MAX, 1000);
    ov_status st = OV_OK;
    ov_str at, body;
    ov_err err = {0};
    check_case("bounded");
    for (size_t i = 0; st == OV_OK && i < p.count; i++)
        st = parts_join(j, ov_str_of(p.messages[i].subject), p.messages[i].data, &at, &body, &err);
    CHECK_STATUS(st, OV_INVALID, &err);
    parts_joiner_free(j);
}

static const char *const manifests[] = {
    "{\"schema\":1,\"parts\":0,\"revision\":\"0123456789abcdef\",\"bytes\":1}",
    "{\"schema\":1,\"parts\":99999999,\"revision\":\"0123456789abcdef\",\"bytes\":1}",
    "{\"schema\":1,\"parts\":1,\"revision\":\"0123456789abcdef\",\"bytes\":99999999}",
    "{\"schema\":1,\"parts\":1,\"revision\":\"x\",\"bytes\":1}",
    "{\"schema\":1,\"parts\":1}",
    "{\"schema\":1,\"parts\":",
};

static void bad_manifests(void)
{
    parts_joiner *j = parts_joiner_new(BODY_MAX, BODY_MAX);
    for (size_t i = 0; i < OV_COUNT(manifests); i++) {
        ov_str at, body;
        ov_err err = {0};
        check_case(manifests[i]);
        CHECK_STATUS(parts_join(j, ov_str_of(subject), ov_str_of(manifests[i]), &at, &body, &err), OV_INVALID, &err);
    }
    parts_joiner_free(j);
}

int main(void)
{
    small_bodies_go_whole();
    check_case("in order");
    joins_in_order(false);
    check_case("backwards");
    joins_in_order(true);
    damage_is_told();
    waiting_bytes_are_bounded();
    bad_manifests();
    return check_end();
}
