{{/* The NATS server's configuration, and parts of its pod. */}}
{{- define "opvic.natsConf" -}}
# Passwords come from the environment.
server_name: $POD_NAME
port: 4222
http_port: 8222
ping_interval: 5s # a peer that says nothing is noticed within seconds
jetstream {
  store_dir: "/data"
  {{- if $.Values.nats.persistence.enabled }}
  max_file_store: {{ include "opvic.natsStore" $.Values.nats.persistence.size }}
  {{- end }}
}
{{- if gt (int $.Values.nats.replicas) 1 }}
cluster {
  name: {{ include "opvic.fullname" . }}
  port: 6222
  routes: $ROUTES
  no_advertise: true # clients know the Service alone, whose name the certificate has
  authorization { user: route, password: $ROUTE_PASSWORD }
  {{- if $.Values.nats.tls.secretName }}
  {{- include "opvic.natsTLS" . | nindent 2 }}
  {{- end }}
}
{{- end }}
{{- if $.Values.nats.tls.secretName }}
{{- include "opvic.natsTLS" . | nindent 0 }}
{{- end }}
authorization {
  users: [
    {{- range $i, $agent := include "opvic.busAgents" . | fromJsonArray }}
    { user: "agent-{{ $agent }}", password: $AGENT_{{ $i }}_PASSWORD, permissions: {{ include "opvic.busPermissions" (dict "root" $ "role" "collector" "agent" $agent) | nindent 4 | trim }} }
    {{- end }}
    {{- range list "aggregator" "fetcher" "api" "subscriber" }}
    { user: {{ . }}, password: ${{ upper . }}_PASSWORD, permissions: {{ include "opvic.busPermissions" (dict "root" $ "role" .) | nindent 4 | trim }} }
    {{- end }}
  ]
}
{{- end -}}

{{/* (size): nine tenths of the volume, in the unit below its own. A file system keeps some for itself (ext4 8 %), and a bus
that finds its disk full stops, while at its limit it refuses what is new and says so. */}}
{{- define "opvic.natsStore" -}}
{{- $unit := regexFind "[A-Z]i?$" . -}}
{{- $less := get (dict "Mi" "Ki" "Gi" "Mi" "Ti" "Gi" "M" "K" "G" "M" "T" "G") $unit -}}
{{- div (mul (trimSuffix $unit . | int64) 9 (ternary 1024 1000 (hasSuffix "i" $unit))) 10 }}{{ $less -}}
{{- end -}}

{{- define "opvic.natsTLS" -}}
tls {
  cert_file: "/etc/nats-tls/tls.crt"
  key_file: "/etc/nats-tls/tls.key"
  ca_file: "/etc/nats-tls/ca.crt"
}
{{- end -}}

{{/* (root, name, key): a password as the configuration takes it. Quoted there, or one of digits were a number. */}}
{{- define "opvic.natsPassword" -}}
- name: {{ .name }}_TEXT
  valueFrom:
    secretKeyRef:
      name: {{ include "opvic.busSecret" .root }}
      key: {{ .key }}
- name: {{ .name }}
  value: '"$({{ .name }}_TEXT)"'
{{- end -}}

{{- define "opvic.natsEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: GOMEMLIMIT
  value: {{ .Values.nats.goMemoryLimit | quote }}
{{- range $i, $agent := include "opvic.busAgents" . | fromJsonArray }}
{{ include "opvic.natsPassword" (dict "root" $ "name" (printf "AGENT_%d_PASSWORD" $i) "key" (printf "agent-%s" $agent)) }}
{{- end }}
{{- range list "aggregator" "fetcher" "api" "subscriber" }}
{{ include "opvic.natsPassword" (dict "root" $ "name" (printf "%s_PASSWORD" (upper .)) "key" .) }}
{{- end }}
{{- if gt (int .Values.nats.replicas) 1 }}
{{ include "opvic.natsPassword" (dict "root" . "name" "ROUTE_PASSWORD" "key" "route") }}
- name: ROUTES
  value: '[{{ range $i := until (int .Values.nats.replicas) }}{{ if $i }}, {{ end }}"nats://route:$(ROUTE_PASSWORD_TEXT)@{{ include "opvic.fullname" $ }}-nats-{{ $i }}.{{ include "opvic.fullname" $ }}-nats-headless:6222"{{ end }}]'
{{- end }}
{{- end -}}
