/** Toolgate as formats name it. The version is that of package.json, which a test compares. */
export const PRODUCT = { vendor: 'Toolgate', name: 'Toolgate', version: '0.1.0' } as const;
