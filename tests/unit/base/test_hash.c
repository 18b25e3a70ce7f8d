/* Hashes are the same for the same text, differ for close ones and fill a table evenly. */
#include "base/str.h"

#include "base/buf.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

enum { BUCKETS = 1024, KEYS = 64 * BUCKETS };

static void test_same_text(void)
{
    char text[100];
    memset(text, 'x', sizeof text);
    for (size_t len = 0; len < sizeof text; len++) {
        OV_CLEANUP(ov_free_p) char *copy = ov_dup((ov_str){text, len});
        CHECK(ov_str_hash((ov_str){text, len}) == ov_str_hash((ov_str){copy, len}));
        CHECK(ov_str_hash((ov_str){text, len}) != ov_str_hash((ov_str){text, len + 1}));
    }
    CHECK(ov_str_hash((ov_str){0}) == ov_str_hash(OV_STR("")));
}

static void test_every_byte_counts(void)
{
    char text[70] = {0};
    for (size_t len = 1; len <= sizeof text; len++) {
        uint64_t before = ov_str_hash((ov_str){text, len});
        for (size_t at = 0; at < len; at++) {
            text[at] = 1;
            CHECK(ov_str_hash((ov_str){text, len}) != before);
            text[at] = 0;
        }
    }
}

static void test_spread(void)
{
    static unsigned counts[BUCKETS];
    OV_CLEANUP(ov_buf_clear) ov_buf key = OV_BUF(100);
    for (unsigned i = 0; i < KEYS; i++) {
        ov_buf_reset(&key);
        ov_buf_printf(&key, "entry.cluster-%u.tracker-%u", i / 50, i % 50);
        counts[ov_str_hash(ov_buf_str(&key)) % BUCKETS]++;
    }
    unsigned most = 0;
    for (unsigned i = 0; i < BUCKETS; i++) most = counts[i] > most ? counts[i] : most;
    CHECK(most < 2 * KEYS / BUCKETS); /* eight standard deviations above the mean */
}

int main(void)
{
    test_same_text();
    test_every_byte_counts();
    test_spread();
    return check_end();
}
