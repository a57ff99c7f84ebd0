-- Run by `supabase db reset` after the migrations. Plans and prices are in the migrations, because production needs
-- them too; demo users sign up through Auth (stack/demo), as real ones do. So there is nothing to seed.
select 'nothing to seed' as seed;
