import { Body, Controller, HttpCode, Ip, Post, Req } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, type WithPrincipal } from '../../../platform/rest/allowed.js';
import { ContactMessageView, SendContactMessage } from './contact.dto.js';
import { ContactService, MESSAGES_AN_HOUR } from './contact.service.js';

@ApiTags('pages')
@Controller('v1/contact')
export class ContactController {
  readonly #contact: ContactService;

  constructor(contact: ContactService) {
    this.#contact = contact;
  }

  @Post()
  @HttpCode(202)
  @Allowed('anyone')
  @ApiOperation({
    summary: 'Write to the people who run this installation',
    description: `Takes at most ${MESSAGES_AN_HOUR} messages an hour from one network.`,
  })
  @ApiAcceptedResponse({ type: ContactMessageView, description: 'The message is kept, and mailed where mail is set' })
  async sendContactMessage(
    @Body() body: SendContactMessage,
    @Ip() address: string,
    @Req() { repeat }: WithPrincipal,
  ): Promise<ContactMessageView> {
    await this.#contact.send(body, address, repeat);
    return { status: 'sent' };
  }
}
