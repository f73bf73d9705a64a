export { type Air, createAir } from './air.ts';
export { ATTRIBUTE, CLUSTER_ID } from './clusters.ts';
export { type ContactSensor, createContactSensor } from './contact-sensor.ts';
export { type Coordinator, createCoordinator } from './coordinator.ts';
export type { Device } from './device.ts';
export { createDoorLock, DOOR_STATE, type DoorLock, LOCK_ALARM, LOCK_STATE } from './door-lock.ts';
export type { NetworkParameters } from './memory.ts';
export { createPlug } from './plug.ts';
export { plugIn, type Stick } from './stick.ts';
