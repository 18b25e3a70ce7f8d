/* Settings that cannot work are told before anything connects. */
#include <string.h>

#include "bus/bus.h"
#include "support/check.h"

int main(void)
{
    static const struct {
        ov_bus_options options;
        const char *text; /* is in the message */
    } cases[] = {
        {{.url = NULL}, "expected nats://"},
        {{.url = ""}, "expected nats://"},
        {{.url = "localhost:4222"}, "expected nats://"},
        {{.url = "http://localhost"}, "\"http://localhost\""},
        {{.url = "nats://"}, "\"\""},
        {{.url = "nats://h:99999"}, "\"h:99999\""},
        {{.url = "nats://h:x"}, "\"h:x\""},
        {{.url = "nats://a:1,nats://u:hidden@:1"}, "\":1\""},
        {{.url = "nats://[::1"}, "[::1"},
        {{.url = "nats://h", .inbox_prefix = "a.>"}, "inbox prefix"},
        {{.url = "nats://h", .credentials_file = "/nonexistent/creds"}, "/nonexistent/creds"},
        {{.url = "tls://h", .tls_ca_file = "/nonexistent/ca"}, "/nonexistent/ca"},
        {{.url = "tls://h", .tls_cert_file = "/nonexistent/cert"}, "both or none"},
        {{.url = "tls://h", .tls_cert_file = "/nonexistent/c", .tls_key_file = "/nonexistent/k"}, "/nonexistent/c"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        ov_err err = {0};
        ov_bus *bus = NULL;
        check_case(cases[i].text);
        CHECK_STATUS(ov_bus_open(&cases[i].options, NULL, NULL, &bus, &err), OV_INVALID, &err);
        CHECK(!bus);
        CHECK(strstr(err.msg, cases[i].text));
        CHECK(!strstr(err.msg, "hidden"));
    }
    return check_end();
}
