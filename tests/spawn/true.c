/* true.c - a program that ends well */

int
main(void)
{
	return 0;
}
