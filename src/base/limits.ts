/**
 * Every limit of the product, in one place, each with its reason. None can be set from outside: no flag, variable
 * or file changes them. Unit tests pass others through constructors.
 *
 * Times are in milliseconds, sizes in bytes, unless the name says otherwise.
 */

export * from './limits/admin.ts';
export * from './limits/cluster.ts';
export * from './limits/doctor.ts';
export * from './limits/relay.ts';
export * from './limits/tunnel.ts';
