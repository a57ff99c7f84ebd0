select allowed from octroi.check_quota('gpt-5.4-mini', 600);
