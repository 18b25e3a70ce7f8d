/* Payloads come back, damage and excess are told apart, fragments join into what gzip readers take. */
#include "deflate/deflate.h"

#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "support/check.h"
#include "base/poison.h"

enum { ROOM = 4 << 20 };

/* Text that compresses a little, of any length, always the same. */
static void make_text(ov_buf *out, size_t len)
{
    uint32_t state = 1;
    while (out->len < len) {
        state = state * 1664525u + 1013904223u;
        ov_buf_append_char(out, (char)('a' + (state >> 24) % 20));
    }
}

static void test_round_trip(void)
{
    static const size_t lengths[] = {0, 1, 100, 16 * 1024, 100000, 1 << 20};
    for (size_t i = 0; i < OV_COUNT(lengths); i++) {
        OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(ROOM), packed = OV_BUF(ROOM), back = OV_BUF(lengths[i]);
        ov_err err = {0};
        make_text(&text, lengths[i]);
        ov_deflate(ov_buf_str(&text), &packed);
        CHECK_OK(ov_buf_finish(&packed, "packed", &err), &err);
        CHECK_OK(ov_inflate(ov_buf_str(&packed), &back, &err), &err);
        CHECK(ov_str_eq(ov_buf_str(&back), ov_buf_str(&text)));
    }
}

static void test_appends(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf packed = OV_BUF(ROOM), back = OV_BUF(ROOM);
    ov_err err = {0};
    ov_deflate(OV_STR("world"), &packed);
    ov_buf_append_c(&back, "hello ");
    CHECK_OK(ov_inflate(ov_buf_str(&packed), &back, &err), &err);
    CHECK_STR(ov_buf_str(&back), OV_STR("hello world"));
}

static void test_no_room_to_deflate(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(ROOM), packed = OV_BUF(100);
    make_text(&text, 100000);
    ov_deflate(ov_buf_str(&text), &packed);
    CHECK(packed.failed);
}

static void test_refused(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(ROOM), packed = OV_BUF(ROOM);
    make_text(&text, 50000);
    ov_deflate(ov_buf_str(&text), &packed);
    ov_str whole = ov_buf_str(&packed);
    OV_CLEANUP(ov_buf_clear) ov_buf longer = OV_BUF(ROOM);
    ov_buf_append_str(&longer, whole);
    ov_buf_append_c(&longer, "junk");
    const struct {
        const char *name;
        ov_str data;
        size_t max;
        const char *want;
    } cases[] = {
        {"empty", OV_STR(""), ROOM, "deflate: cut off"},
        {"cut in the middle", ov_str_sub(whole, 0, whole.len / 2), ROOM, "deflate: cut off"},
        {"cut before the last byte", ov_str_sub(whole, 0, whole.len - 1), ROOM, "deflate: cut off"},
        {"not deflate", OV_STR("\x07 no such block"), ROOM, "deflate: damaged: invalid block type"},
        {"more behind the end", ov_buf_str(&longer), ROOM, "deflate: 4 bytes after the end"},
        {"larger than allowed", whole, 49999, "deflate: more than 49999 bytes"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        OV_CLEANUP(ov_buf_clear) ov_buf back = OV_BUF(cases[i].max);
        ov_err err = {0};
        CHECK_STATUS(ov_inflate(cases[i].data, &back, &err), OV_INVALID, &err);
        CHECK_C(err.msg, cases[i].want);
    }
    check_case(NULL);
}

/* A bomb stops at the maximum, long before its end. */
static void test_bomb(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf zeros = OV_BUF(ROOM), packed = OV_BUF(ROOM), back = OV_BUF(1000);
    char *place = ov_buf_extend(&zeros, ROOM);
    if (place) memset(place, 0, ROOM);
    ov_deflate(ov_buf_str(&zeros), &packed);
    CHECK(packed.len < 10000);
    ov_err err = {0};
    CHECK_STATUS(ov_inflate(ov_buf_str(&packed), &back, &err), OV_INVALID, &err);
    CHECK(back.cap <= 1000);
}

/* The whole of a gzip file, by zlib's own reader, which checks the sums. */
static bool gunzip(ov_str gzip, char *out, size_t room, size_t *ret_len)
{
    z_stream z = {0};
    if (inflateInit2(&z, 16 + 15) != Z_OK) return false;
    z.next_in = (Bytef *)gzip.ptr;
    z.avail_in = (uInt)gzip.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    int answer = inflate(&z, Z_FINISH);
    *ret_len = z.total_out;
    bool whole = answer == Z_STREAM_END && z.avail_in == 0;
    inflateEnd(&z);
    return whole;
}

static void join(const ov_str *texts, size_t count, ov_buf *gzip)
{
    uint32_t crc = 0;
    uint64_t len = 0;
    ov_buf_append(gzip, ov_gzip_header, sizeof ov_gzip_header);
    for (size_t i = 0; i < count; i++) {
        OV_CLEANUP(ov_deflate_fragment_clear) ov_deflate_fragment f;
        ov_deflate_fragment_make(texts[i], &f);
        ov_buf_append_str(gzip, ov_buf_str(&f.bytes));
        crc = ov_gzip_crc_join(crc, &f);
        len += f.text_len;
    }
    unsigned char trailer[OV_GZIP_TRAILER];
    ov_gzip_trailer(crc, len, trailer);
    ov_buf_append(gzip, trailer, sizeof trailer);
}

static void test_fragments_join(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf long_text = OV_BUF(ROOM), noise = OV_BUF(ROOM);
    make_text(&long_text, 300000);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = ov_random_u64();
        ov_buf_append(&noise, &bits, sizeof bits);
    }
    const struct {
        const char *name;
        size_t count;
        ov_str texts[3];
    } cases[] = {
        {"none", 0, {{0}}},
        {"one", 1, {OV_STR("one")}},
        {"three that are alike", 3, {OV_STR("same text\n"), OV_STR("same text\n"), OV_STR("same text\n")}},
        {"an empty one between", 3, {OV_STR("a"), {0}, OV_STR("c")}},
        {"short, long, incompressible", 3, {OV_STR("head\n"), ov_buf_str(&long_text), ov_buf_str(&noise)}},
    };
    OV_CLEANUP(ov_free_p) char *back = ov_alloc(ROOM);
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        OV_CLEANUP(ov_buf_clear) ov_buf want = OV_BUF(ROOM), gzip = OV_BUF(ROOM);
        for (size_t n = 0; n < cases[i].count; n++) ov_buf_append_str(&want, cases[i].texts[n]);
        join(cases[i].texts, cases[i].count, &gzip);
        size_t len = 0;
        CHECK(gunzip(ov_buf_str(&gzip), back, ROOM, &len));
        CHECK(ov_str_eq((ov_str){back, len}, ov_buf_str(&want)));
    }
    check_case(NULL);
}

/* Unpacks with small steps on both sides; the length, or -1. */
static int64_t unpack(ov_str packed, size_t step, char *out, bool *ret_whole)
{
    ov_gunzip *g = ov_gunzip_new();
    size_t total = 0;
    bool ok = true;
    while (ok && packed.len) {
        ov_str in = ov_str_sub(packed, 0, step);
        packed = ov_str_sub(packed, step, packed.len);
        for (size_t len = 1; ok && len;) {
            ov_err err = {0};
            ok = ov_gunzip_read(g, &in, out + total, step, &len, &err) == OV_OK;
            if (ok) total += len;
            CHECK(ok || err.msg[0]);
        }
        CHECK(!ok || in.len == 0);
    }
    *ret_whole = ov_gunzip_is_whole(g);
    ov_gunzip_free(g);
    return ok ? (int64_t)total : -1;
}

/* As it arrives: whole at a member's end alone, whatever the pieces. */
static void test_gunzip(void)
{
    static const size_t steps[] = {1, 7, 4096, ROOM};
    OV_CLEANUP(ov_free_p) char *back = ov_alloc(ROOM);
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(ROOM), gzip = OV_BUF(ROOM);
    make_text(&text, 20000);
    join(&(ov_str){text.ptr, text.len}, 1, &gzip);
    bool whole;
    for (size_t i = 0; i < OV_COUNT(steps); i++) {
        CHECK_INT(unpack(ov_buf_str(&gzip), steps[i], back, &whole), 20000);
        CHECK(whole && ov_str_eq((ov_str){back, 20000}, ov_buf_str(&text)));
        for (size_t cut = 1; cut < 40; cut++) {
            CHECK(unpack(ov_str_sub(ov_buf_str(&gzip), 0, gzip.len - cut), steps[i], back, &whole) >= 0);
            CHECK(!whole);
        }
    }
    join(&(ov_str){text.ptr, text.len}, 1, &gzip);
    CHECK_INT(unpack(ov_buf_str(&gzip), 4096, back, &whole), 40000);
    CHECK(whole);
    ov_buf_append_c(&gzip, "more");
    CHECK_INT(unpack(ov_buf_str(&gzip), 4096, back, &whole), -1);
    gzip.len -= 4 + 6;
    gzip.ptr[gzip.len - 1] ^= 1; /* of the checksum */
    ov_buf_append_c(&gzip, "......");
    CHECK_INT(unpack(ov_buf_str(&gzip), 4096, back, &whole), -1);
    CHECK_INT(unpack(OV_STR("no gzip"), 4096, back, &whole), -1);
}

int main(void)
{
    test_gunzip();
    test_round_trip();
    test_appends();
    test_no_room_to_deflate();
    test_refused();
    test_bomb();
    test_fragments_join();
    return check_end();
}
