import 'reflect-metadata';
import { Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, test } from 'vitest';
import { assertEveryRouteIsDeclared } from '../../../src/control-plane/accounts/credential.guard.js';
import { Allowed } from '../../../src/platform/rest/allowed.js';

@Controller('declared')
class Declared {
  @Get()
  @Allowed('viewer')
  read(): string {
    return this.help();
  }

  help(): string {
    return 'not a route';
  }
}

@Controller('forgotten')
class Forgotten {
  @Get()
  @Allowed('anyone')
  read(): void {}

  @Post()
  write(): void {}
}

const appOf = async (...controllers: Type[]) => {
  @Module({ controllers })
  class App {}
  return NestFactory.create(App, { logger: false });
};

describe('the start', () => {
  test('goes on when every route says who may call it', async () => {
    const app = await appOf(Declared);
    expect(() => assertEveryRouteIsDeclared(app)).not.toThrow();
    await app.close();
  });

  test('stops at a route that does not, and names it', async () => {
    const app = await appOf(Declared, Forgotten);
    expect(() => assertEveryRouteIsDeclared(app)).toThrow('Routes without @Allowed: Forgotten.write');
    await app.close();
  });
});
