/** Settings as values of the chart: the part of values.schema.json that follows from the table of settings. */
import { type CommandName, type SettingName, settingsOf } from '../../../src/config/settings.ts';
import type { SettingType } from '../../../src/config/types.ts';

/** The schema of `settings` of `command`, without those that the chart sets itself. */
export function settingsSchema(command: CommandName, setByChart: readonly SettingName[]): object {
  const free = settingsOf(command).filter(({ name }) => !setByChart.includes(name));
  const properties = free.map(({ name, type, text }) => [name, { description: text, ...schemaOf(type) }]);
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function schemaOf(type: SettingType): object {
  switch (type.kind) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: type.min, maximum: type.max };
    case 'enum':
      return { enum: type.values };
    case 'list':
      return { type: 'array', items: { enum: type.values } };
    default:
      return { type: 'string' };
  }
}
