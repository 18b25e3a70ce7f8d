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
        {{.url = "nats://"}, "\"nats://\""},
        {{.url = "nats://h:99999"}, "\"nats://h:99999\""},
        {{.url = "nats://h:x"}, "\"nats://h:x\""},
        {{.url = "nats://a:1,nats://u:hidden@:1"}, "\"nats://:1\""},
        {{.url = "http://u:hidden@h"}, "\"http://h\""},
        {{.url = "nats://[::1"}, "[::1"},
        {{.url = "nats://h", .inbox_prefix = "a.>"}, "inbox-prefix: \"a.>\""},
        {{.url = "nats://h", .credentials_file = "/nonexistent/creds"},
         "credentials-file: \"/nonexistent/creds\": expected a file that can be read: No such file or directory"},
        {{.url = "nats://h", .credentials_file = "/"},
         "credentials-file: \"/\": expected a file that can be read: Is a directory"},
        {{.url = "tls://h", .tls_ca_file = "/nonexistent/ca"},
         "tls-ca-file: \"/nonexistent/ca\": expected a file that can be read"},
        {{.url = "nats://h", .tls_ca_file = "/etc/passwd"},
         "tls-ca-file: \"/etc/passwd\": expected certificates in PEM"},
        {{.url = "tls://h", .tls_cert_file = "/nonexistent/cert"},
         "tls-key-file: missing: expected the key of /nonexistent/cert"},
        {{.url = "tls://h", .tls_key_file = "/nonexistent/key"},
         "tls-cert-file: missing: expected the certificate of /nonexistent/key"},
        {{.url = "tls://h", .tls_cert_file = "/etc/passwd", .tls_key_file = "/etc/passwd"},
         "tls-cert-file: \"/etc/passwd\": expected the certificate of the key in /etc/passwd"},
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
        ov_err checked = {0};
        CHECK_STATUS(ov_bus_check(&cases[i].options, &checked), OV_INVALID, &checked);
        CHECK(ov_str_starts(ov_str_of(err.msg), OV_STR("bus: ")));
        CHECK_C(checked.msg, err.msg + sizeof "bus: " - 1);
    }
    return check_end();
}
