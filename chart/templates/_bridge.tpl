{{/* What only a bridge has. The argument is $. */}}

{{- define "beacon.bridgeEnv" -}}
{{- with .Values.bridge.vaultAddr }}
- name: BEACON_VAULT_ADDR
  value: {{ . | quote }}
{{- end }}
{{- if .Values.bridge.targets }}
{{- $targets := list }}
{{- range $name, $url := .Values.bridge.targets }}
{{- $targets = append $targets (printf "%s=%s" $name $url) }}
{{- end }}
- name: BEACON_TARGET
  value: {{ join "," $targets | quote }}
{{- end }}
{{- if or .Values.bridge.vaultCa .Values.bridge.vaultCaSecret }}
- name: BEACON_VAULT_CA
  value: /etc/beacon/vault-ca/ca.crt
{{- end }}
{{- end }}
