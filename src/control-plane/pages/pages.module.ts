import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { CatalogModule } from '../catalog/catalog.module.js';
import { ContactController } from './contact/contact.controller.js';
import { ContactService } from './contact/contact.service.js';
import { PagesService } from './pages.service.js';

/** The public pages, and the messages that come through them. */
@Module({
  imports: [CatalogModule],
  controllers: [ContactController],
  providers: [ContactService, PagesService],
  exports: [PagesService],
})
export class PagesModule implements NestModule {
  readonly #pages: PagesService;

  constructor(pages: PagesService) {
    this.#pages = pages;
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((request: Request, response: Response, next: NextFunction) => this.#pages.use(request, response, next))
      .forRoutes('{*path}');
  }
}
