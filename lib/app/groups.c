/* The tables of the settings that every service has. */
#include "app/groups.h"

#include "base/poison.h"

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const formats[] = {"logfmt", "json", NULL};

#define AT(member) offsetof(ov_log_settings, member)
const ov_setting ov_log_table[] = {
    {.flag = "log.level",
     .env = "LOG_LEVEL",
     .type = OV_SET_CHOICE,
     .offset = AT(level),
     .fallback = "info",
     .choices = levels,
     .help = "the least important lines that are logged"},
    {.flag = "log.format",
     .env = "LOG_FORMAT",
     .type = OV_SET_CHOICE,
     .offset = AT(format),
     .fallback = "logfmt",
     .choices = formats,
     .help = "how lines are written to stderr"},
};
#undef AT
const size_t ov_log_table_count = OV_COUNT(ov_log_table);

#define AT(member) offsetof(ov_bus_settings, member)
const ov_setting ov_bus_table[] = {
    {.flag = "nats.url",
     .env = "NATS_URL",
     .type = OV_SET_TEXT,
     .offset = AT(url),
     .fallback = "nats://127.0.0.1:4222",
     .help = "servers of the bus, nats:// or tls://, separated by commas"},
    {.flag = "nats.credentials-file",
     .env = "NATS_CREDENTIALS_FILE",
     .type = OV_SET_TEXT,
     .offset = AT(credentials_file),
     .help = "file with a user's JWT and key"},
    {.flag = "nats.user", .env = "NATS_USER", .type = OV_SET_TEXT, .offset = AT(user), .help = "user on the bus"},
    {.flag = "nats.password",
     .env = "NATS_PASSWORD",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = AT(password),
     .help = "the user's password, or the name of a file that holds it"},
    {.flag = "nats.tls-ca-file",
     .env = "NATS_TLS_CA_FILE",
     .type = OV_SET_TEXT,
     .offset = AT(tls_ca_file),
     .help = "file of the certificate authorities that the bus is checked against"},
    {.flag = "nats.tls-cert-file",
     .env = "NATS_TLS_CERT_FILE",
     .type = OV_SET_TEXT,
     .offset = AT(tls_cert_file),
     .help = "file of our certificate for the bus"},
    {.flag = "nats.tls-key-file",
     .env = "NATS_TLS_KEY_FILE",
     .type = OV_SET_TEXT,
     .offset = AT(tls_key_file),
     .help = "file of our certificate's key"},
    {.flag = "nats.inbox-prefix",
     .env = "NATS_INBOX_PREFIX",
     .type = OV_SET_TEXT,
     .offset = AT(inbox_prefix),
     .help = "prefix of the subjects on which answers arrive, where a user may not subscribe to _INBOX"},
};
#undef AT
const size_t ov_bus_table_count = OV_COUNT(ov_bus_table);
