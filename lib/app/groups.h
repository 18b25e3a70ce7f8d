/* Settings that every service has: log, bus, its own HTTP port. */
#ifndef OV_APP_GROUPS_H
#define OV_APP_GROUPS_H

#include "app/settings.h"
#include "bus/bus.h"
#include "crypto/secret.h"

typedef struct {
    int level;  /* --log.level LOG_LEVEL info */
    int format; /* --log.format LOG_FORMAT logfmt */
} ov_log_settings;
extern const ov_setting ov_log_table[];
extern const size_t ov_log_table_count;

typedef struct {
    char *url;              /* --nats.url NATS_URL nats://127.0.0.1:4222 */
    char *credentials_file; /* --nats.credentials-file NATS_CREDENTIALS_FILE */
    char *user;             /* --nats.user NATS_USER */
    ov_secret *password;    /* --nats.password NATS_PASSWORD (text or a file's name) */
    char *tls_ca_file;      /* --nats.tls-ca-file NATS_TLS_CA_FILE */
    char *tls_cert_file;    /* --nats.tls-cert-file NATS_TLS_CERT_FILE */
    char *tls_key_file;     /* --nats.tls-key-file NATS_TLS_KEY_FILE */
    char *inbox_prefix;     /* --nats.inbox-prefix NATS_INBOX_PREFIX */
} ov_bus_settings;
extern const ov_setting ov_bus_table[];
extern const size_t ov_bus_table_count;

#endif
