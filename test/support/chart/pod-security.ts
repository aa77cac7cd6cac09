/**
 * The profile "restricted" of Kubernetes' Pod Security Standards, which holds all of "baseline", rule by rule as
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists them; for Linux, and without the few sysctls that it lets
 * through. pod-security.test.ts holds it against the pods by which Kubernetes tests its own.
 */
interface SecurityContext {
  readonly allowPrivilegeEscalation?: boolean;
  readonly appArmorProfile?: { readonly type: string };
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  readonly procMount?: string;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: { readonly type: string };
  readonly seLinuxOptions?: { readonly type?: string; readonly user?: string; readonly role?: string };
  readonly sysctls?: readonly unknown[];
  readonly windowsOptions?: { readonly hostProcess?: boolean };
}

interface Handler {
  readonly httpGet?: { readonly host?: string };
  readonly tcpSocket?: { readonly host?: string };
}

interface Container {
  readonly name: string;
  readonly securityContext?: SecurityContext;
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly livenessProbe?: Handler;
  readonly readinessProbe?: Handler;
  readonly startupProbe?: Handler;
  readonly lifecycle?: { readonly postStart?: Handler; readonly preStop?: Handler };
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly securityContext?: SecurityContext;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
}

export interface Pod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

const VOLUMES = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected'],
  'secret',
];
const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];
const CONFINED = ['RuntimeDefault', 'Localhost'];

/** Of the pod or of one container: true where it breaks the rule. */
type ContextRule = (context: SecurityContext) => boolean;

const CONTEXT_RULES: Readonly<Record<string, ContextRule>> = {
  'HostProcess: must not be set': ({ windowsOptions }) => windowsOptions?.hostProcess === true,
  'AppArmor: RuntimeDefault or Localhost': ({ appArmorProfile }) =>
    appArmorProfile !== undefined && !CONFINED.includes(appArmorProfile.type),
  'SELinux: a container type, no user and no role': ({ seLinuxOptions: { type = '', user, role } = {} }) =>
    !SELINUX_TYPES.includes(type) || Boolean(user) || Boolean(role),
  'Seccomp: RuntimeDefault or Localhost': ({ seccompProfile }) =>
    seccompProfile !== undefined && !CONFINED.includes(seccompProfile.type),
  'Running as non-root: runAsNonRoot is not false': ({ runAsNonRoot }) => runAsNonRoot === false,
  'Running as non-root user: runAsUser is not 0': ({ runAsUser }) => runAsUser === 0,
  'Sysctls: none': ({ sysctls = [] }) => sysctls.length > 0,
  'Privileged containers: none': ({ privileged }) => privileged === true,
  '/proc mount type: Default': ({ procMount = 'Default' }) => procMount !== 'Default',
};

/** Of one container, whose own context wins over the pod's. */
type ContainerRule = (container: Container, context: SecurityContext) => boolean;

const CONTAINER_RULES: Readonly<Record<string, ContainerRule>> = {
  'Host ports: none': ({ ports = [] }) => ports.some(({ hostPort }) => Boolean(hostPort)),
  'Host probes and lifecycle hooks: no host': (container) => {
    const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
    const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
    return handlers.some((each) => each?.httpGet?.host || each?.tcpSocket?.host);
  },
  'Privilege escalation: allowPrivilegeEscalation is false': ({ securityContext }) =>
    securityContext?.allowPrivilegeEscalation !== false,
  'Capabilities: ALL are dropped': ({ securityContext }) =>
    !securityContext?.capabilities?.drop?.includes('ALL'),
  'Capabilities: none is added but NET_BIND_SERVICE': ({ securityContext }) =>
    (securityContext?.capabilities?.add ?? []).some((each) => each !== 'NET_BIND_SERVICE'),
  'Running as non-root: runAsNonRoot is true': (_, { runAsNonRoot }) => runAsNonRoot !== true,
  'Seccomp: a profile is set': (_, { seccompProfile }) => seccompProfile === undefined,
};

const POD_RULES: Readonly<Record<string, (pod: Pod) => boolean>> = {
  'Host namespaces: none': ({ spec: { hostNetwork, hostPID, hostIPC } }) =>
    Boolean(hostNetwork || hostPID || hostIPC),
  'Volume types: only those of the list': ({ spec: { volumes = [] } }) =>
    volumes.some((volume) => Object.keys(volume).some((key) => key !== 'name' && !VOLUMES.includes(key))),
  'AppArmor: no annotation that lifts it': ({ metadata }) =>
    Object.entries(metadata?.annotations ?? {}).some(
      ([key, value]) =>
        key.startsWith('container.apparmor.') && !/^(runtime\/default|localhost\/)/.test(value),
    ),
};

/** The rules that `pod` breaks. */
export function podSecurityFaults(pod: Pod): readonly string[] {
  const { securityContext = {}, containers, initContainers = [] } = pod.spec;
  const broken = (rules: Readonly<Record<string, (...of: never[]) => boolean>>, ...of: unknown[]): string[] =>
    Object.entries(rules).flatMap(([name, breaks]) => (breaks(...(of as never[])) ? [name] : []));
  return [
    ...broken(POD_RULES, pod),
    ...broken(CONTEXT_RULES, securityContext),
    ...[...initContainers, ...containers].flatMap((container) => {
      const context = { ...securityContext, ...container.securityContext };
      const own = container.securityContext ?? {};
      const faults = [...broken(CONTEXT_RULES, own), ...broken(CONTAINER_RULES, container, context)];
      return faults.map((fault) => `${container.name}: ${fault}`);
    }),
  ];
}
