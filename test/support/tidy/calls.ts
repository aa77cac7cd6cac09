/** Rules about calls and expressions that have a better replacement in this project. */
import type { Expression, PrivateIdentifier, VisitorObject } from 'oxc-parser';
import { folderOf } from './imports.ts';
import { type Finding, found, type Source, visit } from './source.ts';

type Node = Expression | PrivateIdentifier;

interface Ban {
  readonly advice: string;
  /** Folders of src in which it is allowed. */
  readonly except: readonly string[];
}

const CLOCK = 'take Clock through the constructor (src/base/clock.ts)';
const RANDOM = 'take Random through the constructor (src/base/random.ts)';
const ERROR =
  'throw a BeaconError with a code, or assert() for a mistake of the programmer (src/base/errors.ts)';

/** Names that may not be used, alone (`setTimeout`) or as a member (`Date.now`). */
const NAMES: Readonly<Record<string, Ban>> = {
  'Date.now': { advice: `${CLOCK}: clock.wall()`, except: ['base'] },
  'performance.now': { advice: `${CLOCK}: clock.now()`, except: ['base'] },
  'process.hrtime': { advice: `${CLOCK}: clock.now()`, except: ['base'] },
  setTimeout: { advice: `${CLOCK}: clock.after()`, except: ['base'] },
  setInterval: { advice: `${CLOCK}: clock.every()`, except: ['base'] },
  setImmediate: { advice: `${CLOCK}: clock.after(0, ...)`, except: ['base'] },
  'Math.random': { advice: `${RANDOM}: random.fraction()`, except: ['base'] },
  randomBytes: { advice: `${RANDOM}: random.bytes()`, except: ['base'] },
  randomInt: { advice: `${RANDOM}: integerBelow()`, except: ['base'] },
  randomUUID: { advice: `${RANDOM}: random.bytes()`, except: ['base'] },
  getRandomValues: { advice: `${RANDOM}: random.bytes()`, except: ['base'] },
  console: { advice: 'take Log through the constructor, or host.out() in src/cli', except: [] },
  'process.exit': { advice: 'return an exit code; only src/bin ends the process', except: ['bin'] },
  'process.exitCode': { advice: 'return an exit code; only src/bin ends the process', except: ['bin'] },
  'process.argv': { advice: 'take it as an argument; only src/bin reads it', except: ['bin'] },
  'process.env': { advice: 'take settings as an argument (src/config)', except: ['bin', 'cli'] },
};

/** Methods that look into a text. */
const LOOKS = new Set(['includes', 'match', 'matchAll', 'startsWith', 'endsWith', 'search', 'indexOf']);

/** Every use of a banned name, of a bare error, and of an error's text to decide something. */
export function checkCalls(source: Source): readonly Finding[] {
  const folder = folderOf(source.path);
  const findings: Finding[] = [];
  const add = (node: { readonly start: number }, advice: string): void => {
    findings.push(found(source, node.start, advice));
  };
  visit(source, {
    ...nameRules(folder, add),
    ...errorRules(source.path, add),
  });
  return findings;
}

type Add = (node: { readonly start: number }, advice: string) => void;

function nameRules(folder: string, add: Add): VisitorObject {
  const banned = (name: string): Ban | undefined => {
    const ban = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
    return ban?.except.includes(folder) ? undefined : ban;
  };
  return {
    Identifier: (node) => {
      const ban = banned(node.name);
      if (ban) add(node, `${node.name}: ${ban.advice}`);
    },
    MemberExpression: (node) => {
      const name = `${nameOf(node.object)}.${nameOf(node.property)}`;
      const ban = banned(name);
      if (ban) add(node, `${name}: ${ban.advice}`);
    },
  };
}

function errorRules(path: string, add: Add): VisitorObject {
  const advice = "decide by the error's code, never by its text";
  return {
    NewExpression: (node) => {
      const name = nameOf(node.callee);
      if (/^(Aggregate|Range|Type|Syntax|Eval|URI|Reference)?Error$/.test(name))
        add(node, `new ${name}: ${ERROR}`);
      if (name === 'Date' && node.arguments.length === 0) add(node, `new Date(): ${CLOCK}: clock.wall()`);
    },
    ClassDeclaration: (node) => {
      const parent = node.superClass ? nameOf(node.superClass) : '';
      if (parent.endsWith('Error') && path !== 'src/base/errors.ts') {
        add(node, `a second error class: ${ERROR}`);
      }
    },
    CallExpression: (node) => {
      if (node.callee.type !== 'MemberExpression') return;
      const method = nameOf(node.callee.property);
      const [first] = node.arguments;
      const looked = LOOKS.has(method)
        ? node.callee.object
        : method === 'test' || method === 'exec'
          ? first
          : undefined;
      if (looked && looked.type !== 'SpreadElement' && isMessage(looked)) add(node, advice);
    },
    BinaryExpression: (node) => {
      if (/^[!=]==?$/.test(node.operator) && (isMessage(node.left) || isMessage(node.right)))
        add(node, advice);
    },
    SwitchStatement: (node) => {
      if (isMessage(node.discriminant)) add(node, advice);
    },
  };
}

/** The name of an identifier, or an empty text. */
function nameOf(node: Node): string {
  return node.type === 'Identifier' ? node.name : '';
}

/** Whether `node` is an error's text: `error.message`, `error?.message` or `messageOf(error)`. */
function isMessage(node: Node): boolean {
  if (node.type === 'ChainExpression') return isMessage(node.expression);
  if (node.type === 'MemberExpression') return nameOf(node.property) === 'message';
  return node.type === 'CallExpression' && nameOf(node.callee) === 'messageOf';
}
