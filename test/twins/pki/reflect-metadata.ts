type Metadata = Map<unknown, unknown>;

interface ReflectMetadata {
  defineMetadata(key: unknown, value: unknown, target: object): void;
  getMetadata(key: unknown, target: object): unknown;
  getOwnMetadata(key: unknown, target: object): unknown;
}

/**
 * Adds the three functions of the `Reflect` metadata proposal that `@peculiar/x509`'s container asks for, unless something
 * provides them already. Call it before that library is loaded.
 */
export function provideReflectMetadata(): void {
  const reflect = Reflect as unknown as Partial<ReflectMetadata>;
  if (reflect.getMetadata) return;
  const store = new WeakMap<object, Metadata>();
  const provided: ReflectMetadata = {
    defineMetadata(key, value, target) {
      const metadata = store.get(target) ?? new Map();
      store.set(target, metadata.set(key, value));
    },
    getOwnMetadata: (key, target) => store.get(target)?.get(key),
    getMetadata(key, target) {
      for (let object: object | null = target; object; object = Object.getPrototypeOf(object)) {
        const metadata = store.get(object);
        if (metadata?.has(key)) return metadata.get(key);
      }
      return undefined;
    },
  };
  Object.assign(reflect, provided);
}
