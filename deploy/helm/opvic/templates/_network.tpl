{{/* Rules that several network policies have. */}}

{{/* a URL's port, behind a login and an address of version 6, which have colons of their own */}}
{{- define "opvic.port" -}}
{{- regexFind ":[0-9]+/?$" . | trimPrefix ":" | trimSuffix "/" -}}
{{- end -}}

{{- define "opvic.toDNS" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{/* To our own NATS, or to wherever nats.url points: a policy knows no names, so by its ports. */}}
{{- define "opvic.toBus" -}}
{{- if include "opvic.hasNats" . -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "opvic.selector" (dict "root" . "component" "nats") | nindent 10 }}
  ports:
    - port: 4222
      protocol: TCP
{{- else -}}
- ports:
    {{- range $url := splitList "," .Values.nats.url }}
    - port: {{ include "opvic.port" $url | default "4222" }}
      protocol: TCP
    {{- end }}
{{- end -}}
{{- end -}}

{{/* Anything that is neither private nor the node's own. */}}
{{- define "opvic.toPublic" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["fc00::/7", "fe80::/10"]
  ports:
    - port: 443
      protocol: TCP
    - port: 80
      protocol: TCP
{{- end -}}
