{{/* The token that clients of the api send. */}}
{{- define "opvic.tokenSecret" -}}
{{- .Values.sharedAuthentication.existingSecret | default (printf "%s-shared-auth-token" (include "opvic.fullname" .)) -}}
{{- end -}}

{{/* "true" when nobody gave one, so that it is made once */}}
{{- define "opvic.makesToken" -}}
{{- if and .Values.controlplane.enabled (not .Values.sharedAuthentication.existingSecret) (not .Values.sharedAuthentication.token) -}}true{{- end -}}
{{- end -}}

{{/* "true" when the bus's passwords are made once */}}
{{- define "opvic.makesBusSecret" -}}
{{- if and (include "opvic.hasNats" .) (not .Values.nats.auth.existingSecret) -}}true{{- end -}}
{{- end -}}

{{/* A pod that uses the token starts anew when the chart's own changes. */}}
{{- define "opvic.tokenChecksum" -}}
{{- with .Values.sharedAuthentication.token -}}
checksum/token: {{ sha256sum . }}
{{- end -}}
{{- end -}}

{{/* its weight: the annotations of a hook that leaves nothing behind */}}
{{- define "opvic.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
