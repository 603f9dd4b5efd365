import { Module, RequestMethod, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { CatalogController } from './catalog.controller.js';
import { CatalogService } from './catalog.service.js';
import { ClassifyGate } from './classify-gate.js';

/** What tools can do: for anyone, without a credential. */
@Module({ controllers: [CatalogController], providers: [CatalogService], exports: [CatalogService] })
export class CatalogModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    const gate = new ClassifyGate();
    consumer
      .apply((request: Request, response: Response, next: NextFunction) => gate.use(request, response, next))
      .forRoutes({ path: 'v1/catalog/classify', method: RequestMethod.POST });
  }
}
