/* What the server's reply subjects tell, and how a message goes out. */
#include "bus/internal.h"
#include "support/check.h"

static void test_delivery(void)
{
    static const struct {
        const char *reply;
        bool valid;
    } cases[] = {
        {"$JS.ACK.S.C.2.30.4.1700000000000000000.50", true},
        {"$JS.ACK.hub.acchash.S.C.2.30.4.1700000000000000000.50", true},
        {"$JS.ACK._.acchash.S.C.2.30.4.1700000000000000000.50.rand", true},
        {"$JS.ACK.S.C.2.30.4.1700000000000000000", false},
        {"$JS.ACK.S.C.2.30.4.1700000000000000000.50.more", false},
        {"$JS.ACK.S.C.2.x.4.1700000000000000000.50", false},
        {"$JS.ACK.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o", false},
        {"$JS.FC.S.C.x", false},
        {"", false},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        ov_bus_delivery d = {0};
        check_case(cases[i].reply);
        if (CHECK_INT(ov_bus_delivery_parse(ov_str_of(cases[i].reply), &d), cases[i].valid) && cases[i].valid) {
            CHECK_INT(d.deliveries, 2);
            CHECK_INT(d.stream_seq, 30);
            CHECK_INT(d.consumer_seq, 4);
            CHECK_INT(d.stored_ns, 1700000000000000000LL);
            CHECK_INT(d.pending, 50);
        }
    }
}

static ov_str header(natsMsg *msg, const char *name)
{
    const char *value = NULL;
    return natsMsgHeader_Get(msg, name, &value) == NATS_OK ? ov_str_of(value) : (ov_str){0};
}

static void test_expectations_of_zero(void)
{
    check_case("an expected sequence of 0 is written");
    ov_err err = {0};
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    ov_bus_out out = OV_BUS_OUT("a.b", OV_STR("data"));
    out.expect_last_seq = out.expect_last_subject_seq = 0;
    out.msg_id = "m";
    out.headers[0] = (ov_bus_header){"Opvic-Epoch", "3"};
    if (!CHECK_OK(ov_bus_out_convert(&out, "reply", &msg, &err), &err)) return;
    CHECK_STR(header(msg, "Nats-Expected-Last-Sequence"), OV_STR("0"));
    CHECK_STR(header(msg, "Nats-Expected-Last-Subject-Sequence"), OV_STR("0"));
    CHECK_STR(header(msg, "Nats-Msg-Id"), OV_STR("m"));
    CHECK_STR(header(msg, "Opvic-Epoch"), OV_STR("3"));
    CHECK_C(natsMsg_GetReply(msg), "reply");
}

static void test_no_expectations(void)
{
    check_case("nothing expected, nothing written");
    ov_err err = {0};
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    ov_bus_out out = OV_BUS_OUT("a.b", ((ov_str){0}));
    if (!CHECK_OK(ov_bus_out_convert(&out, NULL, &msg, &err), &err)) return;
    CHECK_STR(header(msg, "Nats-Expected-Last-Sequence"), OV_STR(""));
    CHECK_STR(header(msg, "Nats-Msg-Id"), OV_STR(""));
    CHECK_INT(natsMsg_GetDataLength(msg), 0);
}

/* A line end in a header or a subject would be read as protocol. */
static void test_refused(void)
{
    static const struct {
        const char *subject, *name, *value;
    } cases[] = {
        {"a b", "N", "v"}, {"a.*", "N", "v"}, {"", "N", "v"},       {"a\r\nb", "N", "v"},
        {"a", "N:", "v"},  {"a", "", "v"},    {"a", "N", "v\r\nx"}, {"a", "N N", "v"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        ov_err err = {0};
        natsMsg *msg = NULL;
        ov_bus_out out = OV_BUS_OUT(cases[i].subject, OV_STR("x"));
        out.headers[0] = (ov_bus_header){cases[i].name, cases[i].value};
        CHECK_STATUS(ov_bus_out_convert(&out, NULL, &msg, &err), OV_INVALID, &err);
        CHECK(!msg);
    }
}

int main(void)
{
    if (!CHECK_INT(nats_Open(-1), NATS_OK)) return check_end();
    test_delivery();
    test_expectations_of_zero();
    test_no_expectations();
    test_refused();
    nats_Close();
    return check_end();
}
