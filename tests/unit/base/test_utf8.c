/* The borders of RFC 3629's table: first and last characters of each length, surrogates, overlong and cut forms. */
#include "base/str.h"

#include "support/check.h"
#include "base/poison.h"

static void test_characters(void)
{
    static const struct {
        const char *name, *text;
        size_t want;
    } cases[] = {
        {"ASCII", "a", 1},
        {"DEL", "\x7F", 1},
        {"U+0080", "\xC2\x80", 2},
        {"U+07FF", "\xDF\xBF", 2},
        {"U+0800", "\xE0\xA0\x80", 3},
        {"U+D7FF", "\xED\x9F\xBF", 3},
        {"U+E000", "\xEE\x80\x80", 3},
        {"U+FFFF", "\xEF\xBF\xBF", 3},
        {"U+10000", "\xF0\x90\x80\x80", 4},
        {"U+10FFFF", "\xF4\x8F\xBF\xBF", 4},
        {"empty", "", 0},
        {"continuation alone", "\x80", 0},
        {"overlong slash", "\xC0\xAF", 0},
        {"overlong in two bytes", "\xC1\xBF", 0},
        {"overlong in three bytes", "\xE0\x9F\xBF", 0},
        {"surrogate", "\xED\xA0\x80", 0},
        {"overlong in four bytes", "\xF0\x8F\xBF\xBF", 0},
        {"above U+10FFFF", "\xF4\x90\x80\x80", 0},
        {"F5", "\xF5\x80\x80\x80", 0},
        {"FF", "\xFF", 0},
        {"cut after the first byte", "\xE2", 0},
        {"cut after the second byte", "\xE2\x82", 0},
        {"third byte is ASCII", "\xE2\x82x", 0},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        ov_str text = ov_str_of(cases[i].text);
        CHECK_INT(ov_str_rune_length(text, 0), cases[i].want);
        CHECK_INT(ov_str_is_utf8(text), cases[i].want > 0 || text.len == 0);
    }
    check_case(NULL);
}

/* A bad byte is found wherever it stands in or behind the words that are skipped at once. */
static void test_places(void)
{
    char text[40];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        CHECK(ov_str_is_utf8((ov_str){text, sizeof text}));
        text[at] = '\xFF';
        CHECK(!ov_str_is_utf8((ov_str){text, sizeof text}));
    }
    CHECK(ov_str_is_utf8((ov_str){0}));
    CHECK(ov_str_is_utf8(OV_STR("nine b: \xE2\x82\xAC and \xF0\x9F\x9A\x80 more \xC3\xA9")));
}

int main(void)
{
    test_characters();
    test_places();
    return check_end();
}
