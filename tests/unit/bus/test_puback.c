/* A stream's answers to a publish become results to act on. */
#include <string.h>

#include "bus/internal.h"
#include "support/check.h"

int main(void)
{
    static const struct {
        const char *answer;
        ov_status status;
        bool wrong_sequence, full, duplicate;
        uint64_t seq;
        const char *text; /* is in it */
    } cases[] = {
        {"{\"stream\":\"S\", \"seq\":7}", OV_OK, false, false, false, 7, ""},
        {"{\"stream\":\"S\", \"seq\":7,\"duplicate\": true}", OV_OK, false, false, true, 7, ""},
        {"{\"stream\":\"S\",\"domain\":\"d\",\"seq\":9007199254740993}", OV_OK, false, false, false, 9007199254740993,
         ""},
        {"{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last sequence: "
         "5\"},\"stream\":\"S\",\"seq\":0}",
         OV_FAILED, true, false, false, 0, "wrong last sequence: 5 (10071)"},
        {"{\"error\":{\"code\":400,\"err_code\":10164,\"description\":\"wrong last sequence\"},\"seq\":0}", OV_FAILED,
         true, false, false, 0, "10164"},
        {"{\"error\":{\"code\":400,\"err_code\":10054,\"description\":\"message size exceeds maximum "
         "allowed\"},\"seq\":0}",
         OV_INVALID, false, false, false, 0, "exceeds"},
        {"{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum bytes exceeded\"},\"seq\":0}",
         OV_FAILED, false, true, false, 0, "maximum bytes exceeded (10077)"},
        {"{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"write error: no space left on device\"}}",
         OV_RETRY, false, false, false, 0, "no space left"},
        {"{\"error\":{\"code\":500,\"err_code\":10047,\"description\":\"insufficient storage resources available\"}}",
         OV_FAILED, false, true, false, 0, "10047"},
        {"{\"error\":{\"code\":503,\"err_code\":10008,\"description\":\"JetStream system temporarily unavailable\"}}",
         OV_RETRY, false, false, false, 0, "10008"},
        {"{\"error\":{\"code\":400,\"err_code\":10060,\"description\":\"\\u003cstream\\u003e\"},\"seq\":0}", OV_FAILED,
         false, false, false, 0, "<stream>"},
        {"{\"error\":7}", OV_RETRY, false, false, false, 0, "error"},
        {"{\"stream\":\"S\"}", OV_RETRY, false, false, false, 0, "seq"},
        {"{\"stream\":\"S\",\"seq\":-1}", OV_RETRY, false, false, false, 0, "seq"},
        {"", OV_RETRY, false, false, false, 0, "answer"},
        {"+OK", OV_RETRY, false, false, false, 0, "answer"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        ov_bus_stored got = {0};
        check_case(cases[i].answer);
        ov_bus_puback_parse(ov_str_of(cases[i].answer), &got);
        CHECK_INT(got.status, cases[i].status);
        CHECK_INT(got.wrong_sequence, cases[i].wrong_sequence);
        CHECK_INT(got.full, cases[i].full);
        CHECK_INT(got.duplicate, cases[i].duplicate);
        CHECK_INT(got.seq, cases[i].seq);
        CHECK(strstr(got.text, cases[i].text));
    }
    return check_end();
}
