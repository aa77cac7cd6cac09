{{/* As _checks.tpl, of bridge and broker. The argument is (list $ "bridge") or (list $ "broker"). */}}

{{- define "beacon.clientMistakes" -}}
{{- $ := first . }}
{{- $name := last . }}
{{- $values := get $.Values $name }}
{{- if not $values.beacon.enabled }}
- {{ $name }}.beacon.enabled is false: a {{ $name }} of this chart has no other way; set {{ $name }}.enabled to false to have none
{{- end }}
{{- if not (include "beacon.clientAddress" .) }}
- {{ $name }}.beacon.address is missing: the relays, as host or host:port, separated by commas
{{- else if not (regexMatch "^([^,:/]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]+)?(,([^,:/]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]+)?)*$" (include "beacon.clientAddress" .)) }}
- {{ $name }}.beacon.address is {{ include "beacon.clientAddress" . | quote }}: give host or host:port, separated by commas, and no https://
{{- end }}
{{- with include "beacon.clientInfoHash" . }}
{{- if not (regexMatch "^[0-9a-f]{64}$" .) }}
- {{ $name }}.beacon.infoHash is {{ . | quote }}: give 64 lower-case hex digits, as `beacon info-hash bridge-ca.crt` prints them, or leave it out
{{- end }}
{{- end }}
{{- include "beacon.twoSources" (list (printf "%s.beacon.ca" $name) $values.beacon.ca (printf "%s.beacon.caSecret" $name) $values.beacon.caSecret) }}
{{- include "beacon.notPem" (list (printf "%s.identity.certificate" $name) $values.identity.certificate) }}
{{- include "beacon.notPem" (list (printf "%s.identity.ca" $name) $values.identity.ca) }}
{{- include "beacon.notPem" (list (printf "%s.beacon.ca" $name) $values.beacon.ca) }}
{{- range $key := list "tls.key" "tls.crt" "ca.crt" }}
{{- if not (hasKey (include "beacon.clientPems" (list $ $name) | fromYaml) $key) }}
{{- include "beacon.lacks" (list $ (printf "%s.identity.existingSecret" $name) (include "beacon.clientIdentity" (list $ $name)) $key) }}
{{- end }}
{{- end }}
{{- include "beacon.lacks" (list $ (printf "%s.beacon.caSecret" $name) $values.beacon.caSecret "ca.crt") }}
{{- range $target := keys $values.targets | sortAlpha }}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" $target) }}
- {{ $name }}.targets.{{ $target }}: a target is called by up to 63 lower-case letters, digits and hyphens
{{- end }}
{{- end }}
{{- include (printf "beacon.%sMistakes" $name) $ }}
{{- end }}

{{- define "beacon.bridgeMistakes" -}}
{{- if not (or .Values.bridge.vaultAddr .Values.bridge.targets) }}
- bridge.vaultAddr is missing: the URL of the store, such as https://openbao.openbao.svc:8200; or set bridge.targets
{{- end }}
{{- if and .Values.bridge.vaultAddr (hasKey .Values.bridge.targets "vault") }}
- bridge.vaultAddr and bridge.targets.vault are the same target: set bridge.vaultAddr to "", or leave the other one out
{{- end }}
{{- include "beacon.twoSources" (list "bridge.vaultCa" .Values.bridge.vaultCa "bridge.vaultCaSecret" .Values.bridge.vaultCaSecret) }}
{{- include "beacon.notPem" (list "bridge.vaultCa" .Values.bridge.vaultCa) }}
{{- include "beacon.lacks" (list $ "bridge.vaultCaSecret" .Values.bridge.vaultCaSecret "ca.crt") }}
{{- end }}

{{- define "beacon.brokerMistakes" -}}
{{- $broker := .Values.broker }}
{{- $older := .Values.operator.broker.beacon }}
{{- include "beacon.differs" (list "broker.beacon.address" $broker.beacon.address "operator.broker.beacon.address" $older.address) }}
{{- include "beacon.differs" (list "broker.beacon.infoHash" $broker.beacon.infoHash "operator.broker.beacon.infoHash" $older.infoHash) }}
{{- if and $broker.tls.existingSecret $broker.allowHTTP }}
- broker.tls.existingSecret and broker.allowHTTP are both set: keep one of them
{{- else if not (or $broker.tls.existingSecret $broker.allowHTTP) }}
- broker.tls.existingSecret is missing: a Secret of type kubernetes.io/tls, whose certificate names the Service; or set broker.allowHTTP, and whoever can listen in on the cluster's network reads the secrets
{{- end }}
{{- $taken := list 8080 8081 8199 }}
{{- range $target, $port := $broker.targets }}
{{- if eq $target "vault" }}
- broker.targets.vault: the store is at 8199 already
{{- else if has (int $port) $taken }}
- broker.targets.{{ $target }} is {{ $port }}, which is taken: 8080, 8081, 8199 and ports of other targets are
{{- end }}
{{- $taken = append $taken (int $port) }}
{{- end }}
{{- include "beacon.lacks" (list $ "broker.tls.existingSecret" $broker.tls.existingSecret "tls.crt") }}
{{- include "beacon.lacks" (list $ "broker.tls.existingSecret" $broker.tls.existingSecret "tls.key") }}
{{- end }}

{{/* (list key value key value) of which one may be set. */}}
{{- define "beacon.twoSources" -}}
{{- if and (index . 1) (index . 3) }}
- {{ first . }} and {{ index . 2 }} are both set: keep one of them
{{- end }}
{{- end }}

{{/* (list key value): a value that is to hold certificates. A key among them would be readable in the release and in the ConfigMap. */}}
{{- define "beacon.notPem" -}}
{{- if contains "PRIVATE KEY" (last .) }}
- {{ first . }} holds a private key: take it out, and make a new one if this release was installed with it; keys come from Secrets only
{{- else if and (last .) (not (contains "-----BEGIN CERTIFICATE-----" (last .))) }}
- {{ first . }} is no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----
{{- end }}
{{- end }}
