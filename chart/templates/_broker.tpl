{{/* What only a broker has. The argument is $. */}}

{{/* Ports by the names of their targets, for fromJson. As text: numbers would come back as floats. */}}
{{- define "beacon.brokerPorts" -}}
{{- $ports := dict "vault" "8199" }}
{{- range $name, $port := .Values.broker.targets }}
{{- $ports = set $ports $name (toString $port) }}
{{- end }}
{{- toJson $ports }}
{{- end }}

{{- define "beacon.brokerEnv" -}}
{{- $listens := list ":8199" }}
{{- range $name, $port := .Values.broker.targets }}
{{- $listens = append $listens (printf ":%s=%s" (toString $port) $name) }}
{{- end }}
- name: BEACON_LISTEN
  value: {{ join "," $listens | quote }}
{{- if .Values.broker.tls.existingSecret }}
- name: BEACON_LISTEN_CERT
  value: /etc/beacon/tls/tls.crt
- name: BEACON_LISTEN_KEY
  value: /etc/beacon/tls/tls.key
{{- else }}
- name: BEACON_ALLOW_HTTP
  value: "true"
{{- end }}
{{- end }}
