{{/* Bytes of a quantity of Kubernetes such as 512Mi, 1.5Gi, 1G or 1073741824. The argument is the quantity. */}}
{{- define "beacon.bytes" -}}
{{- $factors := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $text := toString . }}
{{- if kindIs "float64" . }}{{ $text = printf "%.0f" . }}{{ end }}
{{- if not (regexMatch "^[0-9]+(\\.[0-9]+)?([kMGT]|[KMGT]i)?$" $text) }}
{{- fail (printf "the memory limit %q is not a quantity that this chart understands; write it like 512Mi or 1Gi" $text) }}
{{- end }}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (get $factors (regexFind "[a-zA-Z]*$" $text)) | int64 }}
{{- end }}

{{/*
NODE_OPTIONS with a heap of a quarter of the memory limit, 64 MiB at the least; nothing without a limit. The argument is the resources of
a container. Of 66 KiB that a park takes, 9 are in V8's heap: the rest, and bytes on their way, need the other three quarters.
*/}}
{{- define "beacon.heapEnv" -}}
{{- with (.limits).memory }}
- name: NODE_OPTIONS
  value: --max-old-space-size={{ div (include "beacon.bytes" . | int64) 4194304 | max 64 }}
{{- end }}
{{- end }}
