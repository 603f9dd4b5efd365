import type { TestProject } from 'vitest/node';

/** The log is kept in PostgreSQL: no test gets a Kafka. */
export function setup(project: TestProject): void {
  project.provide('testLogs', '');
}
