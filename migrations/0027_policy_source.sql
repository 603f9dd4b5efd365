-- A policy's document as the text that was sent. Policies that were published before have none: their text is made of the document.
alter table policies add column source text;
